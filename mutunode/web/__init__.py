"""The pages: what people see of a node in a browser, and the JSON that other programs read.

Everything is rendered on the server and works without JavaScript. A page asks the node through `clerk.Clerk`
and never touches the store.
"""
