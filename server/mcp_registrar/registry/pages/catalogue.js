"use strict";
// Everything works without this file; it saves reloading the page and copies text.
document.documentElement.classList.add("script");
const told = document.getElementById("told");
const tell = (text) => { if (told) told.textContent = text; };

const form = document.querySelector(".filters");
if (form) {
  const results = document.getElementById("results");
  const input = form.elements.q;
  let waiting = 0, asked = null;
  // What was searched for comes in the order in which it fits.
  const address = () => {
    form.elements.sort.disabled = input.value.trim() !== "";
    const filled = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(filled).toString();
    return query ? "/?" + query : "/";
  };
  // The server escapes every value; what comes back is its own template.
  const show = async (url, remember) => {
    if (asked) asked.abort();
    const mine = asked = new AbortController();
    results.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(url, { headers: { "x-part": "rows" }, signal: mine.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      results.innerHTML = await answer.text();
      if (remember === "replace") history.replaceState(null, "", url);
      if (remember === "push") history.pushState(null, "", url);
      const count = results.querySelector("[data-count]").dataset.count;
      const more = count.endsWith("+") ? ", more on the next page" : "";
      const shown = parseInt(count, 10);
      tell(shown === 0 ? "No servers match" : shown === 1 ? "1 server shown" : shown + " servers shown" + more);
    } catch (error) {
      if (error.name === "AbortError") return;
      location.assign(url);
    }
    if (asked === mine) results.setAttribute("aria-busy", "false");
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(() => show(address(), "replace"), 120); };
  input.addEventListener("input", soon);
  form.addEventListener("change", (event) => { if (event.target !== input) show(address(), "push"); });
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(waiting); show(address(), "push"); });
  results.addEventListener("click", (event) => {
    const link = event.target.closest(".pages a, .empty a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    if (link.closest(".empty")) form.reset(), input.value = "", [...form.querySelectorAll("select")].forEach((each) => each.selectedIndex = 0);
    show(link.getAttribute("href"), "push").then(() => { scrollTo(0, 0); document.getElementById("main").focus({ preventScroll: true }); });
  });
  addEventListener("popstate", () => location.reload());
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) { event.preventDefault(); input.focus(); input.select(); }
  });
}

for (const list of document.querySelectorAll('[role="tablist"]')) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const choose = (chosen, focus) => {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !on;
    }
    if (focus) chosen.focus();
    try { localStorage.setItem("client", chosen.id); } catch { /* private windows have none */ }
  };
  let start = tabs[0];
  try { start = tabs.find((tab) => tab.id === localStorage.getItem("client")) || start; } catch { /* same */ }
  choose(start, false);
  list.addEventListener("click", (event) => { const tab = event.target.closest('[role="tab"]'); if (tab) choose(tab, false); });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    choose(tabs[(next + tabs.length) % tabs.length], true);
  });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".copy");
  if (!button) return;
  const text = button.parentElement.querySelector("code").textContent;
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Served over plain http to another machine there is no clipboard: select it, so that Ctrl+C copies.
    const range = document.createRange();
    range.selectNodeContents(button.parentElement.querySelector("code"));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    done = document.execCommand && document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Selected";
  tell(done ? button.dataset.copies + " copied" : "Selected: copy it with the keyboard");
  setTimeout(() => { button.textContent = "Copy"; }, 1600);
});
