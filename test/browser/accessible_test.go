package browser

// accessible checks what a machine can: landmarks, headings without gaps, names for
// everything one can operate, captions, and the contrast of all text (WCAG AA).
func accessible(c *chromium, page []byte) {
	s := serve(c.t, page)
	for _, dark := range []bool{false, true} {
		c.use(screen{width: 1360, height: 1000, dark: dark})
		c.open(s.URL)
		js[any](c, `document.querySelectorAll('details').forEach(d => d.open = true)`)
		for _, fault := range js[[]string](c, faults) {
			c.t.Errorf("dark %v: %s", dark, fault)
		}
	}
	c.use(desktop)
}

const faults = `(() => {
  const out = [];
  const all = s => [...document.querySelectorAll(s)];
  const text = e => (e.innerText ?? e.textContent).trim().slice(0, 40);
  for (const [s, n] of [['main', 1], ['h1', 1], ['nav[aria-label]', 1], ['html[lang]', 1], ['title', 1]])
    if (all(s).length !== n) out.push(s + ': ' + all(s).length + ', want ' + n);
  let level = 0;
  for (const h of all('h1,h2,h3,h4')) {
    const l = +h.tagName[1];
    if (l > level + 1) out.push('heading skips a level: ' + text(h));
    level = l;
  }
  for (const t of all('table')) if (!t.caption) out.push('table without caption: ' + text(t));
  for (const e of all('section')) if (!document.getElementById(e.getAttribute('aria-labelledby'))) out.push('section without name: ' + e.id);
  for (const e of all('input')) if (!e.labels.length) out.push('input without label: ' + e.name);
  for (const e of all('a,button,summary')) if (!e.textContent.trim()) out.push('nothing to call: ' + e.outerHTML.slice(0, 60));
  for (const a of all('a[href^="#"]')) if (!document.getElementById(a.hash.slice(1))) out.push('leads nowhere: ' + a.hash);
  for (const e of all('.scroll')) if (e.tabIndex !== 0 || !e.getAttribute('aria-label')) out.push('cannot be scrolled by keyboard: ' + text(e));
  const ids = all('[id]').map(e => e.id);
  if (new Set(ids).size !== ids.length) out.push('an id occurs twice');

  const rgb = s => { const m = s.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const lum = ([r, g, b]) => [r, g, b].map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; })
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > .99) return c; } return [255, 255, 255]; };
  const seen = new Set();
  for (const e of all('body *')) {
    if (e.closest('svg,script,.vh,.skip') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
    if (e.matches('.cell.none')) continue; // a dot that says as much as an empty cell
    const style = getComputedStyle(e), bg = behind(e), key = style.color + bg;
    if (seen.has(key)) continue;
    seen.add(key);
    const [a, b] = [lum(rgb(style.color)), lum(bg)];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) out.push('contrast ' + ratio.toFixed(2) + ' of ' + style.color + ' on ' + bg + ': ' + text(e));
  }
  return out;
})()`
