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

  // What was focused keeps the focus if it is still there.
  const mark = (element) => {
    if (!element || !element.closest("main")) return null;
    if (element.id) return `#${CSS.escape(element.id)}`;
    const form = element.closest("form");
    if (form && element.name) return `form[action="${CSS.escape(form.getAttribute("action"))}"] [name="${CSS.escape(element.name)}"]`;
    return null;
  };

  const place = (text, address, spoken) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.querySelector("main");
    const old = document.querySelector("main");
    // something else was answered: the browser shows it itself
    if (!fresh || !old || !page.querySelector("nav")) return false;
    const focused = mark(document.activeElement);
    const had = document.activeElement && old.contains(document.activeElement);
    const open = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
    old.replaceWith(document.adoptNode(fresh));
    document.title = page.title;
    for (const id of open) {
      const one = document.getElementById(id);
      if (one) one.open = true;
    }
    if (address && address !== location.href) history.pushState(null, "", address);
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

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-enhance") || event.defaultPrevented) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const main = document.querySelector("main");
    main?.classList.add("busy");
    let taken = false;
    try {
      const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
      taken = place(await answer.text(), answer.redirected ? answer.url : null, true);
      // a page that came to an end, such as that of a session: shown as it is
      if (!taken) location.reload();
    } catch {
      // the network is gone: the browser says so better than we can
      form.removeAttribute("data-enhance");
      form.requestSubmit(event.submitter);
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
    // nobody's writing is taken away
    if (at && at.closest("main form")) return;
    looked = Date.now();
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok) return;
      const text = await answer.text();
      if (!busy && !document.activeElement?.closest("main form")) place(text, null, false);
    } catch {
      // it is asked again later
    }
  };
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
})();
