// The page works without this; here is what makes it quicker: votes and commands without a reload,
// completion, and posts that appear as they come.
"use strict";
(() => {
  const said = document.getElementById("said");
  let quiet = 0;

  // What already stands on the screen is only said, to those who listen to it.
  function tell(words, { seen = true } = {}) {
    said.classList.toggle("hide", !seen);
    said.textContent = words;
    clearTimeout(quiet);
    quiet = setTimeout(() => { said.textContent = ""; }, 6000);
  }

  function pieces(html) {
    // Our own server wrote and escaped it; a template runs nothing.
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  }

  async function send(form, button) {
    const data = new URLSearchParams(new FormData(form));
    if (button && button.name) data.set(button.name, button.value);
    const answer = await fetch(form.action, {
      method: "POST",
      body: data,
      headers: { "X-Paperwire": "fragment" },
      credentials: "same-origin",
    });
    if (!answer.ok) throw new Error((await answer.text()).slice(0, 300) || "That did not work.");
    return answer;
  }

  // --- votes

  async function vote(form, button) {
    const place = form.closest(".body, .post-place");
    const told = await (await send(form, button)).json();
    const bar = pieces(told.bar);
    const fresh = bar.querySelector("form");
    const back = form.querySelector("input[name=back]");
    if (back) fresh.append(back);
    form.replaceWith(bar);
    const again = fresh.querySelector(`button[value="${button.value}"]`);
    if (again) again.focus();
    tell(told.said);
    const effect = place && place.querySelector("[data-effect]");
    if (effect) await explain(effect, told.effect);
  }

  async function explain(effect, address) {
    effect.replaceChildren();
    if (!address) return;
    const answer = await fetch(address, {
      headers: { "X-Paperwire": "fragment" }, credentials: "same-origin",
    });
    if (answer.ok) effect.replaceChildren(pieces(await answer.text()));
  }

  // --- commands

  async function command(form) {
    const html = await (await send(form)).text();
    const answers = document.getElementById("answers");
    answers.replaceChildren(pieces(html));
    const heading = answers.querySelector("h2");
    if (heading) tell(heading.textContent.trim(), { seen: false });
    const line = form.querySelector("input[type=text], input:not([type])");
    if (line) { line.value = ""; line.focus(); }
    const once = form.querySelector("input[name=once]");
    if (once) once.value = crypto.getRandomValues(new Uint32Array(4)).join("-");
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const deed = form.matches("[data-votes]") ? vote : form.matches("[data-command]") ? command : null;
    if (!deed) return;
    event.preventDefault();
    if (form.dataset.busy) return;
    form.dataset.busy = "1";
    deed(form, event.submitter)
      .catch((trouble) => tell(trouble.message))
      .finally(() => { delete form.dataset.busy; });
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-effects]");
    if (!link) return;
    const effect = link.closest(".post-place").querySelector("[data-effect]");
    event.preventDefault();
    explain(effect, link.getAttribute("href")).catch((trouble) => tell(trouble.message));
  });

  // --- completion (the combobox pattern of ARIA)

  function completion(form) {
    const input = form.querySelector("#line");
    const list = form.querySelector("#choices");
    let chosen = -1, asked = 0, timer = 0;
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-controls": "choices", "aria-expanded": "false",
    })) input.setAttribute(name, value);

    function close() {
      asked += 1;
      clearTimeout(timer);
      list.hidden = true;
      list.replaceChildren();
      chosen = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function mark(index) {
      const items = [...list.children];
      chosen = items.length ? (index + items.length) % items.length : -1;
      items.forEach((item, i) => item.setAttribute("aria-selected", String(i === chosen)));
      if (chosen < 0) return;
      input.setAttribute("aria-activedescendant", items[chosen].id);
      items[chosen].scrollIntoView({ block: "nearest" });
    }

    function take(item) {
      input.value = item.dataset.value;
      close();
      input.focus();
      ask();
    }

    async function ask() {
      const mine = ++asked;
      const answer = await fetch(`${form.dataset.complete}?text=${encodeURIComponent(input.value)}`, {
        credentials: "same-origin",
      });
      if (!answer.ok) return;
      const found = await answer.json();
      if (mine !== asked || document.activeElement !== input) return;
      list.replaceChildren(...found.filter((one) => one.value !== input.value).map((one, i) => {
        const item = document.createElement("li");
        item.id = `choice-${i}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", "false");
        item.dataset.value = one.value;
        item.textContent = one.label;
        return item;
      }));
      chosen = -1;
      list.hidden = !list.children.length;
      input.setAttribute("aria-expanded", String(!list.hidden));
      input.removeAttribute("aria-activedescendant");
    }

    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => ask().catch(() => {}), 90);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" && list.hidden) ask().catch(() => {});
      else if (event.key === "ArrowDown") mark(chosen + 1);
      else if (event.key === "ArrowUp" && !list.hidden) mark(chosen - 1);
      else if (event.key === "Escape" && !list.hidden) close();
      else if (event.key === "Tab" && chosen >= 0) take(list.children[chosen]);
      else if (event.key === "Enter" && chosen >= 0) take(list.children[chosen]);
      else { if (event.key === "Enter") close(); return; }
      event.preventDefault();
    });
    list.addEventListener("mousedown", (event) => {
      const item = event.target.closest("li");
      if (item) { event.preventDefault(); take(item); }
    });
    input.addEventListener("blur", close);
  }

  // --- posts as they come

  function live(stream) {
    const source = new EventSource(stream.dataset.live);
    source.addEventListener("post", (event) => {
      const told = JSON.parse(event.data);
      const quoted = CSS.escape(told.id);
      if (stream.querySelector(`[data-post="${quoted}"]`)) return;
      const article = pieces(told.html).firstElementChild;
      article.classList.add("fresh");
      const head = told.under && stream.querySelector(`[data-post="${CSS.escape(told.under)}"]`);
      const newest = stream.querySelector(".group");
      const follows = article.matches(".paper") && newest && newest.querySelector(".post.header");
      let group = head ? head.closest(".group") : follows ? newest : null;
      if (!group) {
        group = document.createElement("section");
        group.className = "group";
        stream.prepend(group);
      }
      group.append(article);
      const empty = stream.querySelector("[data-empty]");
      if (empty) empty.remove();
      if (!head && !follows) tell(article.querySelector("h2, h3").textContent.trim(), { seen: scrollY > 300 });
    });
    const beat = document.querySelector("[data-beat]");
    const show = (words, on) => { beat.hidden = false; beat.textContent = words; beat.dataset.on = on; };
    source.addEventListener("open", () => show("Live: new digests appear here", "1"));
    source.addEventListener("error", () => show("Not connected; trying again", ""));
    addEventListener("pagehide", () => source.close());
  }

  const line = document.querySelector("form[data-complete]");
  if (line) completion(line);
  const stream = document.querySelector("[data-live]");
  if (stream) live(stream);
})();
