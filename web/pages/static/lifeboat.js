// What pages can do besides being read: parts that move, tooltips of strips, and a list
// that is loaded on demand. Without this file every page still shows all it knows.
"use strict";

(() => {
  let source = null;

  const main = () => document.getElementById("main");

  // say tells what happened to those who do not see it.
  const say = (text) => {
    document.getElementById("say").textContent = text;
  };

  // put replaces the content of an element with what the server rendered, and keeps the focus.
  const put = (element, html) => {
    const focused = element.contains(document.activeElement) ? document.activeElement : null;
    const again = focused && (focused.id || focused.getAttribute("href") || focused.getAttribute("aria-label"));
    element.innerHTML = html;
    if (!again) return;
    for (const e of element.querySelectorAll("a[href], button, [tabindex]")) {
      if ([e.id, e.getAttribute("href"), e.getAttribute("aria-label")].includes(again)) {
        e.focus({ preventScroll: true });
        return;
      }
    }
    main().focus({ preventScroll: true });
  };

  // renew loads this page again and replaces what it shows, without a jump. What is asked for
  // meanwhile is done afterwards.
  let renewing = false;
  let again = false;
  const renew = async () => {
    again = true;
    if (renewing) return;
    renewing = true;
    try {
      while (again) {
        again = false;
        await replace();
      }
    } catch {
      lost(true);
    } finally {
      renewing = false;
    }
  };

  const replace = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!answer.ok || answer.redirected || !fresh) {
      location.reload(); // logged out, most likely
      return;
    }
    const search = document.getElementById("q");
    const typed = search && document.activeElement === search ? search.value : null;
    for (const name of ["data-live", "data-state"]) {
      if (fresh.hasAttribute(name)) main().setAttribute(name, fresh.getAttribute(name));
      else main().removeAttribute(name);
    }
    put(main(), fresh.innerHTML);
    if (typed !== null) {
      const box = document.getElementById("q");
      box.value = typed;
      box.focus({ preventScroll: true });
    }
    listen();
  };

  const lost = (yes) => {
    const note = document.getElementById("link");
    if (note) note.hidden = !yes;
  };

  // listen follows what the server tells about this page.
  const listen = () => {
    const address = main().dataset.live || "";
    if (source && source.address === address) return;
    if (source) source.close();
    source = null;
    if (!address || !window.EventSource) return;
    const stream = new EventSource(address);
    source = stream;
    stream.address = address;
    stream.onopen = () => lost(false);
    stream.onerror = () => lost(true);
    stream.addEventListener("part", (event) => {
      const { id, html } = JSON.parse(event.data);
      const element = document.getElementById(id);
      if (!element) return;
      const section = document.getElementById(id + "-section");
      if (section) section.hidden = html.trim() === "";
      if (element.innerHTML !== html) put(element, html);
    });
    stream.addEventListener("say", (event) => say(JSON.parse(event.data)));
    stream.addEventListener("whole", (event) => {
      // A page that is on its way already may be older than this news.
      if (renewing || JSON.parse(event.data) !== (main().dataset.state || "")) renew();
    });
    stream.addEventListener("over", () => stream.close());
  };

  // Strips tell what each bar is, and lead to its drill. What the bars are is asked for once
  // somebody points at a strip.
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");

  const marks = new WeakMap();

  const know = async (cell) => {
    if (marks.has(cell)) return;
    marks.set(cell, []);
    try {
      const answer = await fetch(cell.dataset.strip);
      if (answer.ok) marks.set(cell, await answer.json());
      if (marks.get(cell).length > 0) cell.dataset.known = "";
    } catch {
      marks.delete(cell);
    }
  };

  const pointedAt = (event) => {
    const strip = event.target.closest && event.target.closest("[data-strip] .strip");
    if (!strip) return null;
    const cell = strip.closest("[data-strip]");
    know(cell);
    const box = strip.getBoundingClientRect();
    const slot = Math.floor(((event.clientX - box.left) / box.width) * 60);
    return (marks.get(cell) || []).find((mark) => mark.slot === slot) || null;
  };

  document.addEventListener("pointermove", (event) => {
    const mark = pointedAt(event);
    tip.hidden = !mark;
    if (!mark) return;
    tip.textContent = mark.title;
    tip.style.left = Math.max(8, Math.min(event.pageX + 12, document.documentElement.clientWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = event.pageY + 18 + "px";
  });

  document.addEventListener("click", (event) => {
    const mark = pointedAt(event);
    if (mark) location.href = "/drills/" + encodeURIComponent(mark.drill);
  });

  // A link with data-part loads its page into this one.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-part]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const place = document.getElementById(link.dataset.part);
    say("Asking the storage.");
    link.setAttribute("aria-disabled", "true");
    try {
      const answer = await fetch(link.href, { headers: { "X-Part": "1" } });
      if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
      place.innerHTML = await answer.text();
      const list = place.querySelector("[tabindex]") || main();
      list.focus({ preventScroll: true });
      say("The backups are listed.");
    } catch {
      location.href = link.href;
    }
  });

  // A form that starts something is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post") return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  document.body.append(tip);
  listen();
})();
