// What makes the dashboard smoother where scripts run; everything works without it.
// Forms with data-enhance are sent without leaving the page; a part with data-refresh="SECONDS" keeps itself fresh.
"use strict";

(() => {
  const said = document.getElementById("said");
  let busy = false;

  const tell = (text) => {
    if (!said || !text) return;
    said.textContent = "";
    // a reader hears a change, not what was there already
    requestAnimationFrame(() => { said.textContent = text; });
  };

  // Ways are written from where a page was answered: once a part of it stands under another address, or the address
  // changes under a page that stays, only whole ones lead on.
  const settle = (part, answered) => {
    for (const name of ["href", "action", "formaction", "src"]) {
      for (const one of part.querySelectorAll(`[${name}]`)) {
        const way = one.getAttribute(name);
        if (way && !way.startsWith("#")) one.setAttribute(name, new URL(way, answered).href);
      }
    }
  };
  settle(document, location.href);

  // What was focused keeps the focus if it is still there.
  const mark = (element) => {
    if (!element || !element.closest("main")) return null;
    if (element.id) return `#${CSS.escape(element.id)}`;
    const form = element.closest("form");
    if (form && element.name) return `form[action="${CSS.escape(form.getAttribute("action"))}"] [name="${CSS.escape(element.name)}"]`;
    return null;
  };

  // Puts the page that `answered` gave in the place of this one; false when it is none of ours.
  const place = (page, answered, moved, spoken) => {
    const fresh = page.querySelector("main");
    const old = document.querySelector("main");
    if (!fresh || !old || !page.querySelector("nav")) return false;
    settle(fresh, answered);
    const focused = mark(document.activeElement);
    const had = document.activeElement && old.contains(document.activeElement);
    const open = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
    old.replaceWith(document.adoptNode(fresh));
    document.title = page.title;
    for (const id of open) {
      const one = document.getElementById(id);
      if (one) one.open = true;
    }
    if (moved && answered !== location.href) history.pushState(null, "", answered);
    if (had) {
      const again = focused && document.querySelector(focused);
      (again || document.querySelector("main")).focus({ preventScroll: Boolean(again) });
    }
    if (spoken) {
      const note = fresh.querySelector("[data-said]");
      tell(note ? note.textContent : page.querySelector("h1")?.textContent);
    }
    return true;
  };

  const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

  // Says beside a form why it was not taken; what was written in it stays.
  const refuse = (form, text) => {
    document.getElementById("refused")?.remove();
    const box = document.createElement("p");
    box.id = "refused";
    box.className = "bad";
    box.setAttribute("role", "alert");
    form.after(box);
    // in the page first, then filled: so it is heard, too
    box.textContent = text;
  };

  // What an answer says that is none of our pages, in short.
  const why = (answer, text, page) => {
    const parts = [...page.querySelectorAll("main h1, main h1 + p")].map((one) => one.textContent.trim());
    const html = (answer.headers.get("content-type") || "").startsWith("text/html");
    const short = html ? parts.join(": ") : text.trim().slice(0, 300);
    return short || `${answer.status} ${answer.statusText}`.trim();
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-enhance") || event.defaultPrevented) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const main = document.querySelector("main");
    main?.classList.add("busy");
    try {
      let answer, text;
      try {
        answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
        text = await answer.text();
      } catch {
        // the network is gone: the browser says so better than we can
        form.removeAttribute("data-enhance");
        form.requestSubmit(event.submitter);
        return;
      }
      const page = parsed(text);
      if (place(page, answer.url, answer.redirected, true)) return;
      // signed out meanwhile: the browser shows the door itself
      if (page.querySelector("[data-door]")) location.reload();
      else refuse(form, why(answer, text, page));
    } finally {
      busy = false;
      main?.classList.remove("busy");
    }
  });

  window.addEventListener("popstate", () => location.reload());

  let looked = Date.now();
  const look = async () => {
    const every = Number(document.querySelector("main [data-refresh]")?.dataset.refresh);
    if (!every || busy || document.visibilityState !== "visible" || Date.now() - looked < every * 1000) return;
    const at = document.activeElement;
    // nobody's writing is taken away, nor why it was not taken
    if (at && at.closest("main form") || document.getElementById("refused")) return;
    looked = Date.now();
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok) return;
      const text = await answer.text();
      if (!busy && !document.activeElement?.closest("main form")) place(parsed(text), answer.url, false, false);
    } catch {
      // it is asked again later
    }
  };
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
})();
