package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"

	"golang.org/x/sync/errgroup"
)

// archive is the evidence bucket, as far as verifying needs it.
type archive interface {
	EvidenceVersions(ctx context.Context, run string) ([]cloud.ObjectVersion, error)
	Hash(ctx context.Context, v cloud.ObjectVersion, copy io.Writer) (cloud.Sealed, error)
}

// sealed is one version of an object, and how long it is locked.
type sealed struct {
	Key     string `json:"key"`
	Run     string `json:"run,omitempty"` // an earlier one, whose evidence was used
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	Mode    string `json:"lock_mode"`    // empty: not locked
	Until   string `json:"locked_until"` // RFC 3339, UTC
}

// verifyAccount checks the evidence of a run in the account.
func (a *app) verifyAccount(ctx context.Context, in *account, run string) (verification, error) {
	v, err := verifyArchive(ctx, in.archive, run, a.progress())
	if isNotFound(err) {
		record, err := in.runs.LoadRun(ctx, run)
		if isNotFound(err) {
			return v, usage("give the folder of a run, or a run's id: diffy runs list", "%q is neither a folder nor a run of the account", run)
		}
		if err != nil {
			return v, failedInAWS(err)
		}
		return v, failed(fmt.Errorf("run %s has no manifest: it is %s%s", run, record.Status, reason(record)))
	}
	return v, failedInAWS(err)
}

// keptVersions is every version of one run's objects, by key below runs/<run>/, the
// latest first.
type keptVersions map[string][]cloud.ObjectVersion

// verifyArchive checks every version of the evidence of a run; pipeline.ErrNotFound
// when it has no manifest.
func verifyArchive(ctx context.Context, from archive, run string, shown *progress) (v verification, err error) {
	defer shown.done()
	own, err := versionsOf(ctx, from, run)
	if err != nil {
		return v, err
	}
	manifest := slices.DeleteFunc(slices.Clone(own["manifest.json"]), func(o cloud.ObjectVersion) bool { return o.Deleted })
	if len(manifest) == 0 {
		return v, pipeline.ErrNotFound
	}
	first := manifest[len(manifest)-1] // what came later was written by somebody who should not
	var data bytes.Buffer
	seal, err := from.Hash(ctx, first, &data)
	if err != nil {
		return v, err
	}
	v, m, err := begin(data.Bytes())
	if err != nil {
		return v, err
	}
	v.Objects = append(v.Objects, sealedAs(first, "manifest.json", "", seal))
	if m.Run != run {
		v.Problems = append(v.Problems, problem{"manifest.json", "it is of run " + m.Run})
	}
	if n := len(own["manifest.json"]); n > 1 {
		v.Problems = append(v.Problems, problem{"manifest.json", fmt.Sprintf("it has %d versions; the first one counts, %s of %s", n, first.ID, first.Modified.UTC().Format(time.RFC3339))})
	}
	if err := v.objects(ctx, from, own, m, shown); err != nil {
		return v, err
	}
	v.unlisted(own, m)
	return v, nil
}

func versionsOf(ctx context.Context, from archive, run string) (keptVersions, error) {
	all, err := from.EvidenceVersions(ctx, run)
	out := keptVersions{}
	for _, o := range all {
		key := strings.TrimPrefix(o.Key, "runs/"+run+"/")
		out[key] = append(out[key], o)
	}
	for _, versions := range out {
		slices.SortStableFunc(versions, func(a, b cloud.ObjectVersion) int {
			if a.Latest != b.Latest {
				return map[bool]int{true: -1, false: 1}[a.Latest]
			}
			return b.Modified.Compare(a.Modified)
		})
	}
	return out, err
}

// objects checks what the manifest lists, several at once.
func (v *verification) objects(ctx context.Context, from archive, own keptVersions, m pipeline.Manifest, shown *progress) error {
	runs := map[string]keptVersions{"": own}
	for _, o := range m.Objects {
		if runs[o.Run] == nil {
			earlier, err := versionsOf(ctx, from, o.Run)
			if err != nil {
				return err
			}
			runs[o.Run] = earlier
		}
	}
	results := make([]checked, len(m.Objects))
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(8) // objects that are read at once
	for i, o := range m.Objects {
		shown.step("hashing", i, len(m.Objects))
		work.Go(func() (err error) {
			results[i], err = check(ctx, from, runs[o.Run][o.Key], o)
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return err
	}
	for i, c := range results {
		v.Objects = append(v.Objects, c.seals...)
		if c.why != "" {
			v.Problems = append(v.Problems, problem{m.Objects[i].Key, c.why})
		} else {
			v.Verified++
		}
	}
	return nil
}

// checked is one object of the manifest: its versions, and what is wrong with it.
type checked struct {
	seals []sealed
	why   string
}

// check reads every version of an object. It was written once, so there has to be
// one.
func check(ctx context.Context, from archive, versions []cloud.ObjectVersion, o pipeline.ManifestEvidence) (c checked, err error) {
	var right, wrong string // the version that is as it was, and what is wrong with the latest
	for i, version := range versions {
		if version.Deleted {
			if i == 0 {
				wrong = "it was deleted on " + version.Modified.UTC().Format(time.RFC3339)
			}
			continue
		}
		seal, err := from.Hash(ctx, version, io.Discard)
		if err != nil {
			return c, err
		}
		c.seals = append(c.seals, sealedAs(version, o.Key, o.Run, seal))
		why := compared(seal.SHA256, seal.Size, o)
		if why == "" {
			right = version.ID
		} else if i == 0 {
			wrong = why
		}
	}
	switch {
	case len(versions) == 0:
		c.why = "it is missing"
	case wrong != "" && right != "":
		c.why = wrong + "; its version " + right + " is as it was"
	case wrong != "":
		c.why = wrong
	case len(versions) > 1:
		c.why = fmt.Sprintf("it has %d versions, and evidence is written once; the latest is as in the manifest", len(versions))
	}
	return c, nil
}

func sealedAs(o cloud.ObjectVersion, key, run string, s cloud.Sealed) sealed {
	until := ""
	if !s.Until.IsZero() {
		until = s.Until.UTC().Format(time.RFC3339)
	}
	return sealed{Key: key, Run: run, Version: o.ID, SHA256: s.SHA256, Mode: s.Mode, Until: until}
}

// unlisted adds what is there without being in the manifest.
func (v *verification) unlisted(own keptVersions, m pipeline.Manifest) {
	listed := map[string]bool{"manifest.json": true}
	for _, o := range m.Objects {
		listed[o.Key] = listed[o.Key] || o.Run == ""
	}
	for _, key := range slices.Sorted(maps.Keys(own)) {
		if !listed[key] {
			v.Problems = append(v.Problems, problem{key, "it is not in the manifest"})
		}
	}
}

// locks says how long the versions are locked, at the least.
func locks(objects []sealed) string {
	open, soonest := 0, ""
	modes := map[string]bool{}
	for _, o := range objects {
		if o.Mode == "" {
			open++
			continue
		}
		modes[o.Mode] = true
		if soonest == "" || o.Until < soonest {
			soonest = o.Until
		}
	}
	said := plural(len(objects), "version", "versions") + ": "
	if soonest != "" {
		said += fmt.Sprintf("%d locked until %s or later (%s)", len(objects)-open, minute(soonest), strings.Join(slices.Sorted(maps.Keys(modes)), ", "))
	}
	switch {
	case open > 0 && soonest != "":
		said += fmt.Sprintf(", %d not locked", open)
	case open > 0:
		said += "not locked"
	}
	return said
}
