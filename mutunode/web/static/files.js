// Adds to a form's file input: drop files on it, see them go, go on after a break. Without it the form works.
const PART = 8 * 1024 * 1024;
const TRIES = 6;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function send(box, file, told) {
  const head = { "X-CSRF": box.dataset.csrf };
  const begun = await fetch(box.dataset.begin, {
    method: "POST",
    headers: { ...head, "X-File-Name": encodeURIComponent(file.name) },
  });
  const made = await begun.json();
  if (!begun.ok) throw new Error(made.error);
  const place = `${box.dataset.begin}/${made.upload}`;
  let offset = 0;
  for (let tries = 0; ;) {
    const part = file.slice(offset, offset + PART);
    const last = offset + part.size >= file.size;
    try {
      const headers = { ...head, "X-Offset": String(offset), ...(last ? { "X-Last": "1" } : {}) };
      const answer = await fetch(place, { method: "PATCH", headers, body: part });
      const said = await answer.json();
      if (said.file) return said.file;
      if (answer.status !== 409 && !answer.ok) throw Object.assign(new Error(said.error), { final: true });
      offset = said.offset;
      tries = 0;
    } catch (error) {
      if (error.final || ++tries > TRIES) throw error;
      await pause(500 * 2 ** tries);
      const now = await fetch(place).then((answer) => answer.json()).catch(() => null);
      if (now) offset = now.offset;
    }
    told(offset);
  }
}

function field(name, value, type = "hidden") {
  const input = document.createElement("input");
  input.type = type;
  input.name = name;
  input.value = value;
  return input;
}

function labelled(text, input) {
  const label = document.createElement("label");
  label.append(text, input);
  const box = document.createElement("div");
  box.className = "field";
  box.append(label);
  return box;
}

async function take(box, file) {
  const list = box.querySelector("[data-list]");
  const number = Number(box.dataset.next);
  box.dataset.next = String(number + 1);
  const row = document.createElement("li");
  row.className = "attached";
  const title = document.createElement("b");
  title.textContent = file.name;
  const bar = document.createElement("progress");
  bar.max = file.size || 1;
  bar.value = 0;
  bar.setAttribute("aria-label", file.name);
  const share = document.createElement("span");
  const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });
  row.append(title, " ", bar, " ", share);
  list.append(row);
  const status = box.querySelector("[role=status]");
  const ends = [...document.querySelectorAll(`button[form="${box.closest("form").id}"], #${box.closest("form").id} button`)];
  ends.forEach((button) => { button.disabled = true; });
  try {
    const kept = await send(box, file, (offset) => {
      bar.value = offset;
      share.textContent = percent.format(offset / bar.max);
    });
    bar.remove();
    share.remove();
    const name = `${box.dataset.name}.${number}`;
    row.append(
      ...["blob", "size", "media_type", "name"].map((key) => field(`${name}.${key}`, String(kept[key]))),
      labelled(box.dataset.alt, field(`${name}.alt.${box.dataset.language}`, "", "text")),
    );
    status.textContent = box.dataset.done.replace("…", file.name);
  } catch (error) {
    row.remove();
    status.textContent = `${file.name}: ${error.message}`;
  } finally {
    ends.forEach((button) => { button.disabled = false; });
  }
}

for (const box of document.querySelectorAll("[data-files]")) {
  const input = box.querySelector("input[type=file]");
  let queue = Promise.resolve();
  const add = (files) => { for (const file of files) queue = queue.then(() => take(box, file)); };
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    add(files);
  });
  box.classList.add("drop");
  box.querySelector("[data-hint]").hidden = false;
  box.addEventListener("dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    add([...event.dataTransfer.files]);
  });
}
