package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"diffy/collect"
	"diffy/pkg/pack"
)

// Collect sends one command for a batch. It is the only place that makes presigned
// requests; they go into the parameters of the command and nowhere else.
type Collect struct {
	Commands  Commands
	Documents Documents
	Presigner Presigner
	Pack      *pack.Pack
	Osquery   Osquery
	Now       func() time.Time
	ID        func() string // a few random letters and digits, different each time
	Log       *slog.Logger
}

// Osquery says whose osquery runs on the hosts.
type Osquery struct {
	Mode     collect.Mode
	Releases map[string]string // architecture ("x86_64", "aarch64") → sha256 of the pinned release, hex
}

var releaseDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

// OsqueryFrom reads the choice of osquery: DIFFY_OSQUERY is pinned, host or auto (the
// default), DIFFY_OSQUERY_X86_64 and DIFFY_OSQUERY_AARCH64 are the sha256 of a release.
func OsqueryFrom(env func(string) string) (Osquery, error) {
	o := Osquery{Mode: cmp.Or(collect.Mode(env("DIFFY_OSQUERY")), collect.Auto), Releases: map[string]string{}}
	if !slices.Contains([]collect.Mode{collect.Pinned, collect.Host, collect.Auto}, o.Mode) {
		return o, fmt.Errorf("read environment: DIFFY_OSQUERY is %q; expected pinned, host or auto", o.Mode)
	}
	for _, arch := range []string{"x86_64", "aarch64"} {
		name := "DIFFY_OSQUERY_" + strings.ToUpper(arch)
		digest := env(name)
		switch {
		case digest == "":
		case !releaseDigest.MatchString(digest):
			return o, fmt.Errorf("read environment: %s is no sha256", name)
		default:
			o.Releases[arch] = digest
		}
	}
	if o.Mode == collect.Pinned && len(o.Releases) == 0 {
		return o, errors.New("read environment: DIFFY_OSQUERY is pinned, and no release is named")
	}
	return o, nil
}

// The times of a collection. A query has 20 s, all of them 240 s and the document
// 300 s (see package collect).
const (
	deliveryTime = 2 * time.Minute  // for the agent to take the command
	formTime     = 10 * time.Minute // that the presigned requests last
	batchTime    = 10 * time.Minute // from the first send to giving up
	firstLook    = 10               // seconds until the first poll
)

// Handle sends to the hosts that b.Try names, or to the whole batch. Called again
// with the same branch it sends again, under a prefix of its own: the earlier
// command's uploads are then nobody's.
func (h Collect) Handle(ctx context.Context, b Branch) (Branch, error) {
	b.Wait, b.Next = firstLook, StepWait
	if b.Batch.Earlier != "" {
		b.Wait = 0
		return b, nil
	}
	doc, err := h.document(ctx, b.Batch.place())
	if err != nil {
		return b, err
	}
	attempt := fmt.Sprintf("%d-%s", b.Tries+1, h.ID())
	parameters, err := h.parameters(ctx, b, attempt)
	if err != nil {
		return b, err
	}
	sent, err := h.Commands.Send(ctx, Command{
		Place: b.Batch.place(), Document: doc, Hosts: b.trying(), Parameters: parameters,
		Comment: CommentOf(b.Run) + b.Batch.number(), Delivery: deliveryTime,
	})
	if err != nil {
		return b, fmt.Errorf("send to batch %s: %w", b.Batch.number(), err)
	}
	return h.sent(b, attempt, doc, sent), nil
}

// CommentOf begins the comment of every command of a run; the batch follows.
func CommentOf(run string) string { return "diffy " + run + " " }

// document reads the document of the place and holds it against our own.
func (h Collect) document(ctx context.Context, p Place) (Document, error) {
	doc, err := h.Documents.Document(ctx, p)
	if err != nil {
		return doc, fmt.Errorf("read the SSM document in %s/%s: %w", p.Account, p.Region, err)
	}
	if !collect.SameDocument(doc.Content) {
		return doc, errorf(DocumentChanged, "SSM document %s in %s/%s, version %s, is not the one that this diffy brings: deploy again, and find out who changed it",
			doc.Name, p.Account, p.Region, doc.Version)
	}
	return doc, nil
}

func (h Collect) parameters(ctx context.Context, b Branch, attempt string) (map[string][]string, error) {
	place := b.Batch.place()
	prefix := uploadPrefix(b.Run, b.Batch.number(), attempt)
	form, err := h.Presigner.PostForm(ctx, intake(place, prefix), collect.MaxUpload, formTime)
	if err != nil {
		return nil, fmt.Errorf("sign upload of batch %s: %w", b.Batch.number(), err)
	}
	download, err := h.download(ctx, place, b.Bundle)
	if err != nil {
		return nil, err
	}
	return collect.Parameters{
		Run: b.Run, Batch: b.Batch.number(), Attempt: attempt,
		Pack: h.Pack.Name, PackVersion: h.Pack.Version, Osquery: h.Osquery.Mode,
		Upload: collect.Upload{URL: form.URL, Prefix: prefix, Fields: form.Fields}, Download: download,
	}.Encode(), nil
}

func (h Collect) download(ctx context.Context, p Place, bundle Bundle) (collect.Download, error) {
	url, err := h.Presigner.Get(ctx, intake(p, bundle.Key), formTime)
	if err != nil {
		return collect.Download{}, fmt.Errorf("sign download of the query bundle: %w", err)
	}
	d := collect.Download{Bundle: collect.Artifact{URL: url, SHA256: bundle.SHA256}, Osquery: map[string]collect.Artifact{}}
	if h.Osquery.Mode == collect.Host {
		return d, nil
	}
	for arch, digest := range h.Osquery.Releases {
		url, err := h.Presigner.Get(ctx, intake(p, OsqueryKey(digest)), formTime)
		if err != nil {
			return d, fmt.Errorf("sign download of osquery for %s: %w", arch, err)
		}
		d.Osquery[arch] = collect.Artifact{URL: url, SHA256: digest}
	}
	return d, nil
}

func (h Collect) sent(b Branch, attempt string, doc Document, sent Sent) Branch {
	now := h.Now()
	if b.Started == "" {
		b.Started, b.Deadline = stamp(now), stamp(now.Add(batchTime))
	}
	if sent.ID != "" {
		b.Sends = append(b.Sends, Send{Attempt: attempt, Command: sent.ID, Document: doc.Hash})
	}
	b.Refused = sent.Refused
	b.Tries++
	h.Log.Info("sent", "run", b.Run, "batch", b.Batch.number(), "attempt", attempt,
		"command", sent.ID, "hosts", len(b.trying())-len(sent.Refused), "refused", len(sent.Refused))
	return b
}

// trying returns the hosts of the send that is made or was made last.
func (b Branch) trying() []string {
	if len(b.Try) > 0 {
		return b.Try
	}
	return b.Batch.Hosts
}
