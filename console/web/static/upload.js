// Files are sent one after the other, each in pieces; what was sent before a connection broke is not sent again.
"use strict";

const PIECE = 900000; // bytes: below what a request may have
const TRIES = 5;

const form = document.querySelector("form[data-upload]");
const chosen = new Map(); // path -> File

const part = (name) => form.querySelector(`[data-${name}]`);
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const size = (bytes) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
const total = (files) => [...files].reduce((sum, file) => sum + file.size, 0);

function add(given, file) {
  let path = given, number = 1;
  while (chosen.has(path) && (chosen.get(path).size !== file.size || chosen.get(path).lastModified !== file.lastModified)) {
    number += 1; // another file of the same name, from another folder
    path = given.replace(/(\.[^./]*)?$/, ` (${number})$1`);
  }
  chosen.set(path, file);
  part("said").textContent = filled(form.dataset.chosen, { count: chosen.size, size: size(total(chosen.values())) });
}

form.querySelectorAll("[data-files]").forEach((field) => field.addEventListener("change", () => {
  for (const file of field.files) add(file.webkitRelativePath || file.name, file);
}));

// What is dropped may be folders, which are gone through.
async function taken(entry) {
  if (entry.isFile) {
    const file = await new Promise((good, bad) => entry.file(good, bad));
    add(entry.fullPath.replace(/^\//, ""), file);
    return;
  }
  const reader = entry.createReader();
  for (;;) { // a reader gives a hundred at a time
    const entries = await new Promise((good, bad) => reader.readEntries(good, bad));
    if (!entries.length) return;
    for (const one of entries) await taken(one);
  }
}

const drop = part("drop");
drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  for (const entry of entries) await taken(entry);
});

async function asked(address, body) {
  const headers = { "x-csrf": form.elements.csrf.value, "content-type": "application/octet-stream" };
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await fetch(address, { method: "POST", headers, body });
      if (answer.status < 500) return answer;
    } catch (error) {
      if (tries === TRIES) throw error;
    }
    if (tries === TRIES) throw new Error("no answer");
    await new Promise((good) => setTimeout(good, 500 * 2 ** tries));
  }
}

async function send(name, path, file, sent) {
  let at = 0;
  do {
    const end = Math.min(at + PIECE, file.size);
    const query = new URLSearchParams({ name, path, at, last: end === file.size ? 1 : 0 });
    const answer = await asked(`/upload/file?${query}`, file.slice(at, end));
    if (answer.status === 422) return (await answer.json()).problem;
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    at = end;
    sent(at);
  } while (at < file.size);
  return null;
}

form.addEventListener("submit", async (event) => {
  if (!chosen.size) return; // what was sent before is registered, or the page says that nothing was
  event.preventDefault();
  const [button, bar] = [form.querySelector("button.main"), part("bar")];
  const all = total(chosen.values()), count = chosen.size;
  let before = 0, done = 0;
  button.disabled = true;
  bar.hidden = false;
  try {
    if (!form.elements.name.value) form.elements.name.value = (await (await asked("/upload/begin", new Blob())).json()).name;
    for (const [path, file] of [...chosen]) {
      const problem = await send(form.elements.name.value, path, file, (at) => {
        bar.value = all ? (before + at) / all : 1;
        part("said").textContent = filled(form.dataset.sending, { done, count, size: size(before + at) });
      });
      if (problem) {
        const line = document.createElement("li");
        line.textContent = `${form.dataset.refused}${path} (${problem})`;
        part("refusals").append(line);
        await asked(`/upload/drop?${new URLSearchParams({ name: form.elements.name.value, path })}`, new Blob());
      }
      before += file.size;
      done += 1;
      chosen.delete(path);
      part("said").textContent = filled(form.dataset.sending, { done, count, size: size(before) });
    }
  } catch {
    part("said").textContent = form.dataset.broken;
    button.textContent = form.dataset.again;
    button.disabled = false;
    return;
  }
  if (part("refusals").children.length) { // said above; what came in is registered by the next press
    button.textContent = form.dataset.again;
    button.disabled = false;
    return;
  }
  form.submit();
});
