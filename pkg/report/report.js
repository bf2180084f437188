'use strict';
// Search, severity filter and copy buttons. The page is whole without them.
(() => {
  const tools = document.getElementById('tools');
  const box = document.getElementById('q');
  const found = document.getElementById('found');
  const boxes = [...document.querySelectorAll('input[name=s]')];
  const items = [...document.querySelectorAll('[data-x]')];
  const sets = new Map([...document.querySelectorAll('.set')].map(p => [p.id.slice(3), p]));
  const folds = [...document.querySelectorAll('details.fold')];
  let texts = null; // lower-case text of each item, made when first needed
  let opened = []; // folds that a search opened, to be closed after it

  const textOf = e => e.textContent.toLowerCase();
  const read = () => { texts ??= items.map(textOf); };

  function apply() {
    const terms = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const loud = new Set(boxes.filter(b => b.checked).map(b => b.value));
    read();
    const inSet = terms.map(t => new Set([...sets].filter(([, p]) => textOf(p).includes(t)).map(([n]) => n)));
    let shown = 0;
    items.forEach((e, i) => {
      const s = e.dataset.s;
      const ok = (!s || loud.has(s)) && terms.every((t, n) => texts[i].includes(t) || inSet[n].has(e.dataset.set));
      if (e.hidden === ok) e.hidden = !ok;
      if (ok) shown++;
    });
    for (const d of opened) d.open = false;
    opened = [];
    if (terms.length) {
      for (const d of folds) {
        if (!d.open && d.querySelector('[data-x]:not([hidden])')) {
          d.open = true;
          opened.push(d);
        }
      }
    }
    const all = terms.length === 0 && loud.size === boxes.length;
    found.value = all ? '' : shown === 0 ? 'nothing matches' : shown.toLocaleString('en') + ' of ' + items.length.toLocaleString('en');
  }

  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let e = target; e; e = e.parentElement) {
      if (e.tagName === 'DETAILS') e.open = true;
      if (e.hidden) e.hidden = false;
    }
    target?.scrollIntoView();
  }

  box.addEventListener('input', () => requestAnimationFrame(apply));
  for (const b of boxes) b.addEventListener('change', apply);
  addEventListener('hashchange', reveal);
  addEventListener('keydown', e => {
    if (e.key === '/' && document.activeElement.tagName !== 'INPUT') {
      e.preventDefault();
      box.focus();
    }
    if (e.key === 'Escape' && document.activeElement === box) {
      box.value = '';
      apply();
    }
  });

  for (const pre of document.querySelectorAll('.step pre')) {
    const b = document.createElement('button');
    b.className = 'copy';
    b.type = 'button';
    b.textContent = 'Copy';
    b.addEventListener('click', () => navigator.clipboard.writeText(pre.textContent).then(
      () => { b.textContent = 'Copied'; },
      () => { getSelection().selectAllChildren(pre); b.textContent = 'Selected'; }));
    pre.after(b);
  }
  tools.hidden = false;
  (window.requestIdleCallback ?? setTimeout)(read);
  if (location.hash) reveal();
})();
