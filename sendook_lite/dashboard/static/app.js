// What the pages cannot do by themselves: times in the viewer's zone, news as they happen, and
// changes, which are requests to the v1 API. Everything is wired by data attributes:
//   data-call="POST /v1/…"   on a form or a button: what to ask; data-then says what follows
//   data-confirm="…"         asks once before it does
//   data-open="#dialog"      opens a dialog; data-copy="#id" or data-text="…" copies
//   data-live id="…"         is replaced by the same part of a fresh copy of the page
"use strict";

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const HEADERS = { "Content-Type": "application/json", "Sendook-Request": "1" };

// --- small things

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function toast(text, bad = false) {
  const shown = make("div", { class: bad ? "toast bad" : "toast" }, text);
  $("#toasts").append(shown);
  setTimeout(() => shown.remove(), bad ? 9000 : 4000);
}

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const HOUR = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const OLD = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

function relative(moment, now) {
  const seconds = Math.round((now - moment) / 1000);
  const ahead = seconds < 0;
  const away = Math.abs(seconds);
  let text;
  if (away < 5) return ahead ? "in a moment" : "just now";
  if (away < 60) text = `${away} s`;
  else if (away < 3600) text = `${Math.round(away / 60)} min`;
  else if (away < 86400) text = `${Math.round(away / 3600)} h`;
  else if (away < 86400 * 14) text = `${Math.round(away / 86400)} d`;
  else return OLD.format(moment);
  return ahead ? `in ${text}` : `${text} ago`;
}

function tellTimes(root = document) {
  const now = Date.now();
  for (const element of $$("time[datetime]", root)) {
    const moment = new Date(element.dateTime);
    element.textContent = relative(moment, now);
    element.title = EXACT.format(moment);
  }
}

// --- dialogs, copying, tabs, theme

function openDialog(dialog) {
  dialog.showModal();
  const first = $("[autofocus], input:not([type=hidden]), select, textarea", dialog);
  if (first) first.focus();
}

function ask(question, action) {
  const dialog = $("#confirm");
  $("p", dialog).textContent = question;
  $("button[value=yes]", dialog).textContent = action || "Go on";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

async function copy(button) {
  const source = button.dataset.copy && $(button.dataset.copy);
  const text = source ? source.value ?? source.textContent : button.dataset.text;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "sr" });
    area.value = text;
    (button.closest("dialog") || document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast("Copied");
}

function chooseTab(tab) {
  const list = tab.closest("[role=tablist]");
  for (const each of $$("[role=tab]", list)) {
    const chosen = each === tab;
    each.setAttribute("aria-selected", chosen);
    each.tabIndex = chosen ? 0 : -1;
    document.getElementById(each.getAttribute("aria-controls")).hidden = !chosen;
  }
}

function chooseLanguage(name) {
  for (const tab of $$(`[role=tab][data-language="${CSS.escape(name)}"]`)) chooseTab(tab);
  try { localStorage.setItem("language", name); } catch { /* then not */ }
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* then not */ }
}

// --- asking the API

async function call(method, path, body) {
  const options = { method, headers: HEADERS };
  if (body !== undefined) options.body = JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw { message: "The server does not answer. Is it running?" };
  }
  if (answer.status === 401) {
    location.assign(`/signin?next=${encodeURIComponent(location.pathname + location.search)}`);
    throw { message: "The session has ended." };
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw told.message ? told : { message: `The server answered ${answer.status}.` };
  return told;
}

const READ = {
  number: (text) => Number(text),
  numbers: (text) => text.split(/[\s,]+/).filter(Boolean).map(Number),
  list: (text) => text.split(/[\s,;]+/).filter(Boolean),
  labels: (text) => text.split(",").map((label) => label.trim()).filter(Boolean),
  time: (text) => new Date(text).toISOString(),
  pairs: (text) => Object.fromEntries(text.split("\n").filter((line) => line.trim()).map((line) => {
    const colon = line.indexOf(":");
    return colon < 0 ? [line.trim(), ""] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  })),
};

async function readForm(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if (field.dataset.many !== undefined) {
      body[field.name] ??= [];
      if (field.checked) body[field.name].push(field.value);
    } else if (field.type === "checkbox") {
      body[field.name] = field.checked;
    } else if (field.type === "file") {
      if (field.files.length) body[field.name] = await Promise.all([...field.files].map(readFile));
    } else if (field.type === "radio") {
      if (field.checked) body[field.name] = field.value;
    } else {
      const text = field.value.trim();
      const kept = field.dataset.as === undefined ? field.value : text;
      if (text || field.dataset.as === "labels") body[field.name] = (READ[field.dataset.as] || String)(kept);
      else if (field.dataset.null !== undefined) body[field.name] = null;
    }
  }
  for (const name of (form.dataset.dropEmpty || "").split(" ")) {
    if (name && body[name]?.length === 0) form.dataset.edits ? (body[name] = null) : delete body[name];
  }
  return body;
}

function readFile(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve({
      name: file.name,
      contentType: file.type || "application/octet-stream",
      content: reader.result.slice(reader.result.indexOf(",") + 1),
    });
    reader.onerror = () => reject({ message: `${file.name} cannot be read.` });
    reader.readAsDataURL(file);
  });
}

function tellProblems(form, error) {
  for (const slot of $$(".problem", form)) slot.textContent = "";
  for (const field of $$("[aria-invalid]", form)) field.removeAttribute("aria-invalid");
  let rest = error.message;
  for (const each of error.errors || []) {
    const name = each.path.split(".")[0];
    const slot = $(`.problem[data-for="${CSS.escape(name)}"]`, form);
    const field = form.elements[name];
    if (!slot) continue;
    slot.textContent = each.msg;
    rest = null;
    if (field instanceof Element) { field.setAttribute("aria-invalid", "true"); field.focus(); }
  }
  const general = $(".problem[data-for='']", form);
  if (rest && general) general.textContent = rest;
  else if (rest) toast(rest, true);
}

const THEN = {
  refresh: async (told, from) => { from.closest("dialog")?.close(); await refresh(true); },
  go: (told, from, url) => location.assign(url.replace("{id}", told.id || "")),
  test: (told, from) => showTest(told, $(from.dataset.into)),
  secret: (told, from) => {
    const code = $(from.dataset.into);
    code.textContent = told.secret || told.publicKey;
    code.closest("[hidden]")?.removeAttribute("hidden");
    from.closest("dialog")?.close();
    if (from.matches("form")) { toast("There is a new secret. The former one signs beside it for a while."); refresh(true); }
  },
  key: (told, from) => {
    from.closest("dialog").close();
    $("#new-key code").textContent = told.key;
    $("#new-key").hidden = false;
    $("#new-key").scrollIntoView({ block: "center" });
    refresh(true);
  },
};

async function perform(from, body) {
  const [method, path] = from.dataset.call.split(" ");
  const buttons = from.matches("form") ? $$("button[type=submit]", from) : [from];
  if (from.dataset.confirm && !(await ask(from.dataset.confirm, from.dataset.action))) return;
  for (const button of buttons) button.disabled = true;
  try {
    const told = await call(method, path, body);
    if (from.dataset.done) toast(from.dataset.done);
    const [then, ...rest] = (from.dataset.then || "refresh").split(" ");
    await THEN[then](told, from, rest.join(" "));
    if (from.matches("form") && then === "refresh") from.reset();
    for (const delay of [500, 2000]) soon(delay); // what was asked for takes a moment
  } catch (error) {
    if (error instanceof Error) throw error;
    if (from.matches("form")) tellProblems(from, error);
    else toast(error.message, true);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

function showTest(told, place) {
  const attempt = told.attempt;
  const outcome = attempt.error || `HTTP ${attempt.status}`;
  const shown = make("div", { class: told.success ? "notice good" : "notice bad", role: "status" },
    make("div", {},
      make("p", {}, make("strong", {}, told.success ? "It works. " : "It did not work. "),
        told.success ? `Your endpoint answered ${attempt.status} in ${attempt.durationMs} ms.` : `${outcome} (after ${attempt.durationMs} ms).`),
      ...(attempt.response ? [make("pre", { class: "wrap mono" }, attempt.response.slice(0, 2000))] : [])));
  place.replaceChildren(shown);
  refresh(true);
}

// --- news

let refreshing = false;
let stale = false;

async function refresh(anyway = false) {
  if (!$("[data-live]")) { if (anyway) location.reload(); return; }
  if (refreshing) { stale = true; return; }
  if (!anyway && (document.hidden || $("dialog[open]") || !getSelection().isCollapsed)) return;
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/signin") return location.assign(answer.url);
    if (!answer.ok) { if (anyway) location.assign("/"); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of $$("[data-live]")) replace(old, page.getElementById(old.id));
    if ($("[data-busy]")) soon(800);
  } catch { /* the next time */ } finally {
    refreshing = false;
    if (stale) { stale = false; setTimeout(refresh, 400); }
  }
}

function replace(old, fresh) {
  if (!fresh || (old.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"))) return;
  const seen = new Set($$("[data-key]", old).map((row) => row.dataset.key));
  const open = new Set($$("details[open][id]", old).map((each) => each.id));
  tellTimes(fresh);
  for (const each of $$("details[id]", fresh)) if (open.has(each.id)) each.open = true;
  if (old.innerHTML === fresh.innerHTML) return;
  for (const row of $$("[data-key]", fresh)) if (seen.size && !seen.has(row.dataset.key)) row.classList.add("fresh");
  const focused = old.contains(document.activeElement) ? document.activeElement.id || document.activeElement.getAttribute("href") : null;
  old.replaceChildren(...document.importNode(fresh, true).childNodes);
  if (focused) ($(`[href="${CSS.escape(focused)}"]`, old) || document.getElementById(focused))?.focus();
}

const TYPES = ["inbox.created", "inbox.deleted", "inbox.updated", "message.sent", "message.received",
  "message.delivered", "message.bounced", "message.complained", "message.rejected"];
let stream = null;
const listeners = new Set();

function follow() {
  if (stream || document.hidden || !document.body.dataset.stream) return;
  stream = new EventSource("/v1/events/stream");
  stream.onopen = () => live(true);
  stream.onerror = () => live(false);
  for (const type of TYPES) stream.addEventListener(type, (event) => {
    for (const listener of listeners) listener(JSON.parse(event.data));
    // Once for the event, and again when its deliveries have had time to end.
    for (const delay of [150, 1200, 4000]) soon(delay);
  });
}

const waiting = new Map();
function soon(delay) {
  clearTimeout(waiting.get(delay));
  waiting.set(delay, setTimeout(() => refresh(), delay));
}

function live(on) {
  for (const dot of $$(".livedot")) {
    dot.classList.toggle("on", on);
    dot.textContent = on ? "Live" : "Reconnecting";
  }
}

// A browser opens six connections to a server at most: a tab that nobody sees leaves its own.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) { stream?.close(); stream = null; }
  else { follow(); refresh(); }
});

// --- a test mail, from the door to the webhook

async function sendTestMail(form) {
  const place = $("#test-steps");
  const step = (text, state = "") => place.append(make("li", { class: state }, text));
  place.replaceChildren();
  place.hidden = false;
  step("Handing a mail to the LMTP door …");
  const button = $("button[type=submit]", form);
  button.disabled = true;
  try {
    const answer = await fetch("/setup/test-mail", { method: "POST", headers: { "Sendook-Request": "1" }, body: new URLSearchParams(new FormData(form)) });
    const told = await answer.json();
    place.replaceChildren();
    if (!answer.ok) return step(told.error, "bad");
    step(`LMTP: ${told.reply}`, told.stored ? "good" : "bad");
    if (told.stored) await watchMail(told.mark, step);
  } catch {
    step("The server does not answer.", "bad");
  } finally {
    button.disabled = false;
  }
}

async function watchMail(mark, step) {
  const event = await findEvent(mark);
  if (!event) return step("The mail was stored, but its event was not seen. Look at the events page.", "warn");
  step(`message.received: ${event.id}`, "good");
  for (let tries = 0; tries < 20; tries += 1) {
    const deliveries = await call("GET", `/v1/deliveries?eventId=${event.id}`);
    if (!deliveries.length) return step("No webhook subscribes to message.received yet: make one, and send again.", "warn");
    const pending = deliveries.filter((each) => each.status === "pending" && !each.attemptCount);
    if (!pending.length || tries === 19) {
      for (const each of deliveries) {
        const good = each.status === "delivered";
        step(`${each.webhookId}: ${each.status}${each.lastStatus ? `, HTTP ${each.lastStatus}` : ""}${each.lastError ? `, ${each.lastError}` : ""}`, good ? "good" : each.status === "pending" ? "warn" : "bad");
      }
      const line = make("li", {}, make("a", { href: `/events/${event.id}` }, "See the event and its attempts"));
      return $("#test-steps").append(line);
    }
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

async function findEvent(mark) {
  for (let tries = 0; tries < 12; tries += 1) {
    const answer = await fetch(`/events?q=${mark}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const row = $("[data-key]", page);
    if (row) return { id: row.dataset.key };
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return null;
}

// --- wiring

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-call], [data-open], [data-copy], [data-text], [data-close], [data-frame], [role=tab], #theme, #theme-2");
  if (!target || target.matches("form")) return;
  if (target.matches("#theme, #theme-2")) return switchTheme();
  if (target.matches("[role=tab]")) return target.dataset.language ? chooseLanguage(target.dataset.language) : chooseTab(target);
  if (target.dataset.frame) { $(target.dataset.frame).src = target.dataset.url; target.closest(".notice").hidden = true; return; }
  if (target.dataset.close !== undefined) return target.closest("dialog").close();
  if (target.dataset.open) return openDialog($(target.dataset.open));
  if (target.dataset.copy || target.dataset.text !== undefined) return void copy(target);
  event.preventDefault();
  perform(target, target.dataset.body ? JSON.parse(target.dataset.body) : undefined);
});

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id === "test-mail") { event.preventDefault(); sendTestMail(form); }
  if (!form.dataset.call) return;
  event.preventDefault();
  for (const slot of $$(".problem", form)) slot.textContent = "";
  try {
    await perform(form, await readForm(form));
  } catch (error) {
    if (error instanceof Error) throw error;
    tellProblems(form, error);
  }
});

let checking;
document.addEventListener("input", (event) => {
  const field = event.target;
  const form = field.form;
  if (!form?.dataset.call) return;
  const slot = $(`.problem[data-for="${CSS.escape(field.name)}"]`, form);
  if (slot) { slot.textContent = ""; field.removeAttribute("aria-invalid"); }
  if (field.dataset.checkUrl === undefined || !field.value) return;
  clearTimeout(checking);
  checking = setTimeout(async () => {
    const told = await call("GET", `/webhooks/check?url=${encodeURIComponent(field.value)}`).catch(() => ({}));
    if (slot && told.problem) { slot.textContent = told.problem; field.setAttribute("aria-invalid", "true"); }
  }, 350);
});

const PLACES = { o: "/", w: "/webhooks", e: "/events", i: "/inboxes", s: "/setup", d: "/docs" };
let leader = false;
document.addEventListener("keydown", (event) => {
  if (event.target.matches("[role=tab]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    const tabs = $$("[role=tab]", event.target.closest("[role=tablist]"));
    const next = tabs[(tabs.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : tabs.length - 1)) % tabs.length];
    next.click();
    return next.focus();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select") || $("dialog[open]")) return;
  if (leader) {
    leader = false;
    if (PLACES[event.key]) return location.assign(PLACES[event.key]);
  }
  if (event.key === "g") { leader = true; setTimeout(() => { leader = false; }, 1500); }
  else if (event.key === "/") { const search = $("input[type=search]"); if (search) { event.preventDefault(); search.focus(); } }
  else if (event.key === "?") openDialog($("#shortcuts"));
  else if (event.key === "n") { const create = $("[data-new]"); if (create) { event.preventDefault(); create.click(); } }
  else if (event.key === "j" || event.key === "k") step(event.key === "j" ? 1 : -1);
});

function step(by) {
  const rows = $$("a.row, summary.row");
  const place = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, place + by))]?.focus();
}

const tip = make("div", { id: "tip", hidden: "" });
document.addEventListener("pointermove", (event) => {
  const bar = event.target.closest?.("[data-tip]");
  tip.hidden = !bar;
  if (!bar) return;
  const start = new Date(Number(bar.dataset.start));
  tip.textContent = `${(bar.dataset.unit === "day" ? DAY : HOUR).format(start)}: ${bar.dataset.tip}`;
  const width = tip.offsetWidth;
  // The policy forbids inline styles in markup; the object model is ours to use.
  tip.style.left = `${Math.min(event.clientX + 12, innerWidth - width - 8)}px`;
  tip.style.top = `${event.clientY - 36}px`;
});

document.body.append(tip);
tellTimes();
setInterval(tellTimes, 15000);
follow();
setInterval(() => { if (document.body.dataset.stream) refresh(); }, 10000);
try { const language = localStorage.getItem("language"); if (language && $("[data-language]")) chooseLanguage(language); } catch { /* then not */ }
