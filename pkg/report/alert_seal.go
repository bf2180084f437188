package report

import (
	"bytes"
	"encoding/json"
	"slices"
)

// JSON is the form for programs.
func (a Alert) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(a.Sealed())
	return bytes.TrimSpace(b.Bytes()), err
}

// How long texts of an alert may be, in bytes.
const (
	nameLength   = 128 // hosts, runs, incidents, queries
	groupLength  = 256
	whatLength   = 120
	reasonLength = 200
	textLength   = 400
)

// Sealed is the alert with every text made harmless and short: it is the same
// whoever filled it in, and however often it passes here.
func (a Alert) Sealed() Alert {
	for text, length := range map[*string]int{
		&a.ID: 2 * nameLength, &a.Run: nameLength, &a.Incident: nameLength, &a.Group: groupLength, &a.Account: nameLength, &a.Region: nameLength,
		&a.Verdict: textLength, &a.Severity: nameLength, &a.Status: nameLength, &a.Finished: nameLength,
	} {
		seal(text, length)
	}
	if a.Trigger != nil {
		t := *a.Trigger
		for _, text := range []*string{&t.Source, &t.ID, &t.Type, &t.Time} {
			seal(text, nameLength)
		}
		a.Trigger = &t
	}
	a.Suspects, a.Outliers = sealedHosts(a.Suspects), sealedHosts(a.Outliers)
	a.Unseen, a.Pivots = slices.Clone(a.Unseen), slices.Clone(a.Pivots)
	for i := range a.Unseen {
		seal(&a.Unseen[i].Reason, reasonLength)
	}
	for i := range a.Pivots {
		seal((*string)(&a.Pivots[i].Kind), nameLength)
		seal(&a.Pivots[i].Value, whatLength)
	}
	return a
}

func sealedHosts(hosts []AlertHost) []AlertHost {
	out := slices.Clone(hosts)
	for i := range out {
		h := &out[i]
		seal(&h.Host, nameLength)
		seal((*string)(&h.Status), nameLength)
		seal(&h.Reason, reasonLength)
		h.Top = slices.Clone(h.Top)
		for j := range h.Top {
			f := &h.Top[j]
			for _, text := range []*string{&f.ID, (*string)(&f.Severity), &f.Query, (*string)(&f.Kind)} {
				seal(text, nameLength)
			}
			seal(&f.What, 3*whatLength)
		}
	}
	return out
}

func seal(text *string, length int) { *text = sealedText(*text, length) }

// sealedText takes the secrets out of a text, makes it visible and cuts it. What is
// far beyond its end is cut first: it is not shown, and looking for secrets takes
// its time.
func sealedText(s string, length int) string {
	return short(visible(Redact(short(s, 8*length))), length)
}

// short cuts s to so many bytes, at the end of a character and with a mark.
func short(s string, length int) string {
	const mark = "…"
	if len(s) <= length {
		return s
	}
	n := length - len(mark)
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + mark
}
