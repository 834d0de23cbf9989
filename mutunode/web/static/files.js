// Adds to a form's file input: drop files on it, see each wait and go, take it out, go on after a break.
// Without it the form works.
const PART = 8 * 1024 * 1024;
const TRIES = 6;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// What a node says about a file. A page of words (the session ended, the node is another one) is no answer.
async function answered(box, answer) {
  try {
    return await answer.json();
  } catch {
    throw Object.assign(new Error(box.dataset.stopped), { final: true });
  }
}

async function send(box, file, signal, told) {
  const head = { "X-CSRF": box.dataset.csrf };
  const begun = await fetch(box.dataset.begin, {
    method: "POST",
    headers: { ...head, "X-File-Name": encodeURIComponent(file.name) },
    signal,
  }).catch(() => { throw new Error(box.dataset.unreached); });
  const made = await answered(box, begun);
  if (!begun.ok) throw new Error(made.error);
  const place = `${box.dataset.begin}/${made.upload}`;
  signal.addEventListener("abort", () => fetch(place, { method: "DELETE", headers: head }).catch(() => {}));
  let offset = 0;
  for (let tries = 0; ;) {
    const part = file.slice(offset, offset + PART);
    const last = offset + part.size >= file.size;
    try {
      const headers = { ...head, "X-Offset": String(offset), ...(last ? { "X-Last": "1" } : {}) };
      const answer = await fetch(place, { method: "PATCH", headers, body: part, signal });
      const said = await answered(box, answer);
      if (said.file) return said.file;
      if (answer.status !== 409 && !answer.ok) throw Object.assign(new Error(said.error), { final: true });
      offset = said.offset;
      tries = 0;
    } catch (error) {
      if (error.final || signal.aborted) throw error;
      if (++tries > TRIES) throw new Error(box.dataset.unreached);
      await pause(500 * 2 ** tries);
      const now = await fetch(place, { signal }).then((answer) => answer.json()).catch(() => null);
      if (now) offset = now.offset;
    }
    told(offset);
  }
}

function made(tag, set) {
  return Object.assign(document.createElement(tag), set);
}

function labelled(text, input) {
  const label = made("label");
  label.append(text, input);
  const box = made("div", { className: "field" });
  box.append(label);
  return box;
}

// The line of one file: it waits, then a bar, then what may be said of it, or what went wrong.
function line(box, file) {
  const number = Number(box.dataset.next);
  box.dataset.next = String(number + 1);
  const row = made("li", { className: "attached" });
  const state = made("span", { className: "small soft", textContent: box.dataset.waits });
  const out = made("button", { type: "button", className: "second", textContent: box.dataset.out });
  out.setAttribute("aria-label", `${box.dataset.out} (${file.name})`);
  row.append(made("b", { textContent: file.name }), " ", state, " ", out);
  box.querySelector("[data-list]").append(row);
  const stop = new AbortController();
  out.addEventListener("click", () => {
    stop.abort();
    row.remove();
    box.querySelector("input[type=file]").focus();
  });
  return { file, number, row, state, out, signal: stop.signal };
}

async function take(box, { file, number, row, state, out, signal }) {
  const status = box.querySelector("[role=status]");
  const bar = made("progress", { max: file.size || 1, value: 0 });
  bar.setAttribute("aria-label", file.name);
  state.before(bar);
  const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent" });
  const told = (offset) => {
    bar.value = offset;
    state.textContent = percent.format(offset / bar.max);
  };
  told(0);
  try {
    const kept = await send(box, file, signal, told);
    const name = `${box.dataset.name}.${number}`;
    state.remove();
    out.before(
      ...["blob", "size", "media_type", "name"].map((key) =>
        made("input", { type: "hidden", name: `${name}.${key}`, value: String(kept[key]) })),
      labelled(box.dataset.alt, made("input", { type: "text", name: `${name}.alt.${box.dataset.language}` })),
    );
    if ("single" in box.dataset) row.parentElement.querySelectorAll("li").forEach((other) => other === row || other.remove());
    status.textContent = box.dataset.done.replace("…", file.name);
  } catch (error) {
    if (signal.aborted) return;
    state.className = "err";
    state.textContent = error.message;
    status.textContent = `${file.name} – ${error.message}`;
  } finally {
    bar.remove();
  }
}

function attach(box) {
  const input = box.querySelector("input[type=file]");
  const form = box.closest("form").id;
  let queue = Promise.resolve();
  let waiting = 0;
  // nothing is looked at or signed while files are on their way
  const count = (change) => {
    waiting += change;
    const ends = document.querySelectorAll(`button[form="${form}"], #${form} button:not([type=button])`);
    ends.forEach((button) => { button.disabled = waiting > 0; });
  };
  const add = (files) => {
    for (const file of files) {
      const one = line(box, file);
      count(1);
      queue = queue.then(() => one.signal.aborted || take(box, one)).finally(() => count(-1));
    }
  };
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    add(files);
  });
  box.classList.add("drop");
  box.querySelector("[data-hint]").hidden = false;
  box.addEventListener("dragover", () => box.classList.add("over"));
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    box.classList.remove("over");
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const folders = items.map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory);
    const names = new Set(folders.map((entry) => entry.name));
    add([...event.dataTransfer.files].filter((file) => !names.has(file.name)));
    if (folders.length) {
      box.querySelector("[role=status]").textContent = box.dataset.folder.replace("…", [...names].join(", "));
    }
  });
}

const boxes = document.querySelectorAll("[data-files]");
boxes.forEach(attach);
if (boxes.length) {
  // a file let go beside the box would open in place of the page, and what was typed would be gone
  for (const what of ["dragover", "drop"]) {
    document.addEventListener(what, (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
  }
}
