// The service's own page: a client of the public API like any other.
// Outputs come from code that is not trusted: they are only ever shown as text or image.
"use strict";

const api = "/api/v1";
const $ = (id) => document.getElementById(id);
let conversation = "";
let socket = null;
let lastSeq = 0;
let running = 0;
let stick = true; // follow the log's end until the person scrolls away from it
let writing = "";
const displays = new Map(); // what a cell has shown and may update, by its display_id

function add(parent, tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function show(tag, className, text) {
  const element = add($("log"), tag, className, text);
  follow();
  return element;
}

function follow() {
  if (stick) $("log").scrollTop = $("log").scrollHeight;
}

function status(text) {
  $("status").textContent = text;
}

async function call(method, path, body) {
  const response = await fetch(api + path, { method, body });
  const value = await response.json();
  if (!response.ok) throw new Error(`${value.error.message} ${value.error.hint}`);
  return value;
}

const pathUrl = () => `/conversations/${conversation}/paths/main`;
const plain = (text) => (Array.isArray(text) ? text.join("") : String(text)).replace(/\x1b\[[0-9;]*m/g, "");

function showOutput(output) {
  const id = (output.transient || {}).display_id;
  const before = displays.get(id);
  const shown = render(output);
  if (id && shown) {
    if (before && output.output_type === "update_display_data") before.replaceWith(shown);
    displays.set(id, shown);
  }
}

function render(output) {
  if (output.output_type === "stream") return show("pre", "", plain(output.text));
  if (output.output_type === "error") return show("div", "note error", `${output.ename}: ${plain(output.evalue)}`);
  const data = output.data || {};
  if (data["image/png"]) {
    const image = show("img");
    image.alt = "chart";
    image.onload = follow;
    image.src = "data:image/png;base64," + plain(data["image/png"]).trim();
    return image;
  }
  return data["text/plain"] ? show("pre", "", plain(data["text/plain"])) : null;
}

function askPermission(data) {
  const box = show("div", "permission");
  box.id = data.id;
  add(box, "p", "", data.explanation);
  for (const [decision, label] of [["once", "Allow once"], ["always", "Always allow"], ["deny", "Deny"]]) {
    const button = add(box, "button", decision, label);
    button.type = "button";
    button.onclick = () => send("permission.reply", { id: data.id, decision });
  }
  status("Waiting for your permission.");
  follow(); // the buttons came after the box was shown
}

const handlers = {
  "turn.started": (data) => { setRunning(running + 1); status("Reading the workbooks …"); if (data.request) show("div", "request", data.request); },
  "model.text": (data) => { writing = (writing + data.text).slice(-120); status("Writing … " + writing); },
  "context.used": (data) => show("div", "note", `Looked at ${data.workbooks.length} workbooks and ${data.variables.length} variables.`),
  "context.waiting": (data) => status(`Waiting in line for a kernel (${data.ahead} ahead): ${data.reason}.`),
  "model.retrying": (data) => show("div", "note", `The model is not available; asking again in ${data.wait_seconds} s.`),
  "code.generated": (data) => { writing = ""; if (data.comment) show("p", "", data.comment); show("pre", "code", data.code); },
  "risk.assessed": (data) => { if (data.risk !== "low") show("div", "note", `risk: ${data.risk}. ` + data.findings.map((f) => `line ${f.line}: ${f.reason}`).join("; ")); },
  "permission.required": askPermission,
  "permission.decided": (data) => { const box = $(data.id); if (box) box.replaceChildren(`Permission: ${data.decision}`); status(""); },
  "cell.started": () => status("Running …"),
  "cell.output": (data) => showOutput(data.output),
  "cell.finished": (data) => show("div", data.status === "ok" ? "note" : "note error", `cell ${data.status}` + (data.error ? `: ${data.error.message}` : "")),
  "file.created": () => listFiles(),
  "workbook.checked": (data) => data.findings.forEach((finding) => show("div", "note error", `${data.name}: ${finding.message}`)),
  "checkpoint.created": (data) => data.not_kept.forEach((file) => show("div", "note error", `No way back for ${file.name}: ${file.reason}`)),
  "checkpoint.skipped": (data) => show("div", "note error", data.message),
  "history.restored": (data) => show("div", "note", `Undone by ${data.user}: ${data.what}.`),
  "error": (data) => show("div", "error", `${data.error.message} ${data.error.hint}`),
  "turn.finished": (data) => {
    setRunning(Math.max(0, running - 1));
    writing = "";
    status("");
    if (data.answer) show("div", "answer", data.answer);
    else if (data.status === "cancelled") show("div", "note", "Cancelled. Variables, files and the notebook are kept.");
    listFiles();
  },
};

function setRunning(count) {
  running = count;
  $("cancel").disabled = count === 0;
}

function send(kind, fields) {
  socket.send(JSON.stringify({ kind, ...fields }));
}

function connect() {
  const mine = conversation;
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}${api}${pathUrl()}/events?after=${lastSeq}`);
  socket.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.seq !== null) lastSeq = event.seq;
    const handler = handlers[event.kind];
    if (handler) handler(event.data);
  };
  // The log is replayed from lastSeq: a lost connection loses nothing.
  socket.onclose = (closed) => {
    if (closed.code === 4401) { status("Your access has ended. Open the login address again."); return; }
    if (mine === conversation) setTimeout(() => { if (mine === conversation) connect(); }, 1000);
  };
}

async function listFiles() {
  const { files } = await call("GET", pathUrl() + "/files");
  $("files").replaceChildren();
  for (const file of files) {
    const item = add($("files"), "li");
    add(item, "a", "", `${file.name} (${(file.size / 1000).toFixed(1)} kB)`).href = file.url;
    const older = add(item, "details");
    add(older, "summary", "", "versions");
    older.ontoggle = () => { if (older.open) listVersions(file.name, older); };
  }
}

async function listVersions(name, parent) {
  const { versions } = await call("GET", `${pathUrl()}/versions/${name.split("/").map(encodeURIComponent).join("/")}`);
  for (const list of parent.querySelectorAll("ol")) list.remove();
  const list = add(parent, "ol");
  for (const version of versions) {
    const by = version.user || (version.cell ? "a cell" : "");
    const text = [version.at ? new Date(version.at).toLocaleString() : "earlier", by, `${(version.size / 1000).toFixed(1)} kB`].filter(Boolean).join(", ");
    const item = add(list, "li");
    if (version.url) add(item, "a", "", text).href = version.url;
    else add(item, "span", "", `${text} (not kept)`);
    if (version.current) { add(item, "span", "", " (current)"); continue; }
    if (!version.kept || !name.startsWith("inputs/")) continue;
    const button = add(item, "button", "", "Put back");
    button.type = "button";
    button.onclick = () => putBack(name, version.sha256);
  }
}

async function putBack(name, sha256) {
  try {
    await call("POST", `${pathUrl()}/versions/${name.split("/").map(encodeURIComponent).join("/")}`, JSON.stringify({ sha256 }));
  } catch (error) {
    show("div", "error", error.message);
  }
  listFiles();
}

function upload(chosen) {
  const form = new FormData();
  for (const file of chosen) form.append("files", file);
  const request = new XMLHttpRequest();
  request.open("POST", `${api}${pathUrl()}/files?replace=true`);
  request.upload.onprogress = (event) => { $("uploading").hidden = false; $("uploading").value = event.loaded / event.total; };
  request.onloadend = () => {
    $("uploading").hidden = true;
    $("upload").value = "";
    let reply = {};
    try { reply = JSON.parse(request.responseText); } catch { reply = { error: { message: "The upload failed.", hint: "Try again." } }; }
    if (reply.error) show("div", "error", `${reply.error.message} ${reply.error.hint}`);
    for (const refused of reply.rejected || []) show("div", "error", refused.error.message);
    for (const file of reply.files || []) if (file.problem) show("div", "note error", `${file.name}: ${file.problem.message} ${file.problem.hint}`);
    listFiles();
  };
  request.send(form);
}

async function open(id) {
  conversation = id;
  location.hash = id;
  lastSeq = 0;
  setRunning(0);
  $("log").replaceChildren();
  if (socket) socket.close();
  $("notebook").href = `${api}${pathUrl()}/notebook`;
  await listConversations();
  await listFiles();
  connect();
}

async function create() {
  const made = await call("POST", "/conversations", JSON.stringify({ title: new Date().toLocaleString() }));
  await open(made.id);
}

async function listConversations() {
  const { conversations } = await call("GET", "/conversations");
  const select = $("conversations");
  select.replaceChildren();
  for (const item of conversations) {
    const option = add(select, "option", "", item.title || item.id);
    option.value = item.id;
    option.selected = item.id === conversation;
  }
  return conversations;
}

async function start() {
  $("new").onclick = create;
  // Only what the person does counts: the log's own growth scrolls too.
  const looked = () => setTimeout(() => { const log = $("log"); stick = log.scrollHeight - log.scrollTop - log.clientHeight < 80; }, 100);
  for (const kind of ["wheel", "touchmove", "pointerup", "keyup"]) $("log").addEventListener(kind, looked, { passive: true });
  $("conversations").onchange = (event) => open(event.target.value);
  $("upload").onchange = (event) => upload(event.target.files);
  $("cancel").onclick = () => send("cancel", {});
  $("ask").onsubmit = (event) => {
    event.preventDefault();
    const request = $("request").value.trim();
    if (!request) return;
    send("turn.request", { request });
    $("request").value = "";
  };
  const known = await listConversations();
  const wanted = location.hash.slice(1);
  if (known.some((item) => item.id === wanted)) await open(wanted);
  else await create();
}

start().catch((error) => show("div", "error", error.message));
