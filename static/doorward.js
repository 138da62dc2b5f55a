// Doorward progressive enhancement. One module, no dependencies, no eval, no inline handlers.
// Every feature below has a server-side equivalent; this file only removes page loads.
const root = document.documentElement;
root.classList.add("js");
const html = globalThis.trustedTypes?.createPolicy("doorward", { createHTML: (s) => s }) ?? { createHTML: (s) => s }; // same-origin fragments only
const $$ = (s, el = document) => [...el.querySelectorAll(s)];
const say = (text) => { const z = document.getElementById("live"); if (z) { z.textContent = ""; requestAnimationFrame(() => (z.textContent = text)); } };

// data-copy="#id" copies the text of the target. Label and live region both confirm it.
document.addEventListener("click", async (e) => {
  const b = e.target.closest("[data-copy]");
  if (!b) return;
  const el = document.querySelector(b.dataset.copy);
  const text = b.dataset.copyText ?? (el?.value ?? el?.textContent ?? "").trim();
  const label = b.querySelector("[data-label]");
  try {
    await navigator.clipboard.writeText(text);
    say(b.dataset.done ?? "Copied");
    b.classList.add("copied");
    if (label) { b.dataset.was ??= label.textContent; label.textContent = "Copied"; }
    clearTimeout(b._t);
    b._t = setTimeout(() => { b.classList.remove("copied"); if (label) label.textContent = b.dataset.was; }, 1800);
  } catch {
    const r = document.createRange(); r.selectNodeContents(el); getSelection().removeAllRanges(); getSelection().addRange(r);
    say("Selected. Press Ctrl+C or Cmd+C to copy.");
  }
});

// data-theme-set: the form also works without JS (POST /preferences/theme sets a cookie, the server writes data-theme).
for (const b of $$("[data-theme-set]")) b.addEventListener("click", (e) => {
  e.preventDefault();
  const t = b.dataset.themeSet;
  t === "system" ? root.removeAttribute("data-theme") : root.setAttribute("data-theme", t);
  $$("[data-theme-set]").forEach((x) => x.setAttribute("aria-pressed", String(x.dataset.themeSet === t)));
  document.cookie = `doorward_theme=${t};path=/;max-age=31536000;samesite=lax`;
});

// data-filter="#list": narrows [data-search] children while typing; the same form GETs ?q= without JS.
for (const i of $$("[data-filter]")) {
  const list = document.querySelector(i.dataset.filter), rows = $$("[data-search]", list), none = document.querySelector(i.dataset.empty);
  i.addEventListener("input", () => {
    const words = i.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const r of rows) { const hit = words.every((w) => r.dataset.search.includes(w)); r.hidden = !hit; n += hit; }
    if (none) none.hidden = n > 0;
    say(`${n} ${n === 1 ? "result" : "results"}`);
  });
}

// data-poll="/path" data-every="4000": swaps the element with that of the page until it stops asking to be polled; opens the page when it is gone.
for (const el of $$("[data-poll]")) {
  const tick = async () => {
    if (document.hidden) return void setTimeout(tick, 4000);
    try {
      const r = await fetch(el.dataset.poll, { headers: { accept: "text/html", "x-fragment": "1" }, credentials: "same-origin" });
      if (r.ok) {
        const doc = new DOMParser().parseFromString(html.createHTML(await r.text()), "text/html"), next = doc.getElementById(el.id);
        if (!next) return void location.assign(el.dataset.poll); // what was waited for has come
        if (next.innerHTML !== el.innerHTML) { el.replaceChildren(...next.childNodes); say(next.dataset.say ?? ""); }
        if (!next.dataset.poll) return;
      }
    } catch { /* offline: the Refresh link beside it still works */ }
    setTimeout(tick, Number(el.dataset.every ?? 4000));
  };
  setTimeout(tick, Number(el.dataset.every ?? 4000));
}

// Local time: <time datetime> is rendered in UTC by the server; the title keeps the UTC value.
const rtf = new Intl.RelativeTimeFormat(root.lang || "en", { numeric: "auto" });
for (const t of $$("time[data-rel]")) {
  const s = (new Date(t.dateTime) - Date.now()) / 1000, a = Math.abs(s);
  t.title = t.textContent.trim();
  if (Number.isFinite(s) && t.dataset.rel === "live") t.textContent = a < 90 ? rtf.format(Math.round(s), "second") : a < 5400 ? rtf.format(Math.round(s / 60), "minute") : a < 129600 ? rtf.format(Math.round(s / 3600), "hour") : rtf.format(Math.round(s / 86400), "day");
}

// data-print: the browser's own command does the same.
for (const b of $$("[data-print]")) b.addEventListener("click", () => print());

// data-autosubmit: a form that goes on by itself, with its button for everyone else.
document.querySelector("form[data-autosubmit]")?.requestSubmit();

// Close <details class="menu"> on Escape or outside click; leave-guard for a secret that is shown once.
document.addEventListener("keydown", (e) => { if (e.key === "Escape") $$("details.menu[open]").forEach((d) => { d.open = false; d.querySelector("summary").focus(); }); });
document.addEventListener("click", (e) => $$("details.menu[open]").forEach((d) => { if (!d.contains(e.target)) d.open = false; }));
const secret = document.querySelector("[data-once]");
if (secret) addEventListener("beforeunload", (e) => { if (!secret.querySelector(":checked")) e.preventDefault(); });
