package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"

	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

func (a *app) osquery() *cobra.Command {
	return family(
		"osquery", "The osquery that runs on hosts",
		"Hosts run a pinned release of osquery: each fetches it from the artifacts of its place and holds\n"+
			"it against the sha256 that was deployed.",
		a.osqueryUpload(),
	)
}

// pin is what osquery upload is asked for.
type pin struct {
	file, arch string
	places     []string
	format     string
}

func (a *app) osqueryUpload() *cobra.Command {
	var q pin
	cmd := &cobra.Command{
		Use:   "upload FILE",
		Short: "Put a release into the artifacts, and say its sha256",
		Long: "Put a release of osquery, its official .tar.gz for Linux, into the artifacts of every place where\n" +
			"hosts are: the deployment's own account and region, those of the inventory in diffy.yaml, and each\n" +
			"--place. It is looked into first: a file that is no osquery, or is for another architecture, is\n" +
			"refused. Doing it again changes nothing.\n\n" +
			"Hosts use it once its sha256 is deployed: the setting is printed.",
		Example: "  diffy osquery upload osquery-5.21.0_1.linux_x86_64.tar.gz\n" +
			"  diffy osquery upload osquery-5.21.0_1.linux_aarch64.tar.gz --arch aarch64 --place 444455556666/eu-west-1",
		Args: arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.file = args[0]
			return a.uploadOsquery(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.arch, "arch", "", "refuse it unless it is for x86_64 or aarch64 (default: what it is for)")
	f.StringArrayVar(&q.places, "place", nil, "also into the artifacts of this `ACCOUNT/REGION`; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("arch", cobra.FixedCompletions(architectures, cobra.ShellCompDirectiveNoFileComp))
	addFormat(cmd, &q.format)
	return cmd
}

// pinned is what came of it.
type pinned struct {
	Arch    string        `json:"arch"`
	SHA256  string        `json:"sha256"`
	Size    int           `json:"size"` // bytes
	Setting string        `json:"setting"`
	Places  []pinnedPlace `json:"places"`
}

type pinnedPlace struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	URI     string `json:"uri"`
	State   string `json:"state"` // "uploaded", "there already", "replaced", or why it failed
	err     error
}

func (a *app) uploadOsquery(ctx context.Context, q pin) error {
	encoded, err := asJSON(q.format)
	if err != nil {
		return err
	}
	data, r, err := q.read()
	if err != nil {
		return err
	}
	in, err := a.account(ctx)
	if err != nil {
		return err
	}
	s, err := a.settings()
	if err != nil {
		return err
	}
	places, err := placesOf(append([]pipeline.Place{in.home}, s.Inventory.places()...), q.places)
	if err != nil {
		return err
	}
	out := pinned{Arch: r.arch, SHA256: r.sha256, Size: len(data), Setting: r.setting()}
	for _, p := range places {
		o := pipeline.Object{Bucket: pipeline.Intake, Place: p, Key: pipeline.OsqueryKey(r.sha256)}
		there := pinnedPlace{Account: p.Account, Region: p.Region, URI: in.artifacts.URI(o)}
		there.State, there.err = putArtifact(ctx, in.artifacts, o, data)
		if there.err != nil {
			there.State = failedInAWS(there.err).Error()
		}
		out.Places = append(out.Places, there)
	}
	return a.showPinned(out, encoded)
}

// putArtifact puts what is named by its digest where it is not yet.
func putArtifact(ctx context.Context, to pipeline.Objects, o pipeline.Object, data []byte) (state string, err error) {
	err = to.PutOnce(ctx, o, data)
	if !errors.Is(err, pipeline.ErrExists) {
		return "uploaded", err
	}
	old, err := to.Get(ctx, o, int64(len(data)))
	switch {
	case err == nil && bytes.Equal(old, data):
		return "there already", nil
	case err == nil || errors.Is(err, pipeline.ErrTooLarge): // hosts would have refused it
		return "replaced: it did not have its digest", to.Put(ctx, o, data)
	}
	return "", err
}

func (a *app) showPinned(p pinned, encoded bool) error {
	var first error
	for _, place := range p.Places {
		if first == nil && place.err != nil {
			first = failedInAWS(place.err)
		}
	}
	if encoded {
		return errors.Join(a.json(p), first)
	}
	fmt.Fprintf(a.out, "%s  %s\n", p.SHA256, p.Arch)
	for _, place := range p.Places {
		fmt.Fprintf(a.out, "%s/%s  %s  %s\n", place.Account, place.Region, oneLine(place.URI), oneLine(place.State))
	}
	a.say("hosts use it once it is deployed: %s in infra/context.json, then make deploy", p.Setting)
	return first
}

// placeWord is an account and a region.
var placeWord = regexp.MustCompile(`^([0-9]{12})/([a-z]{2}(?:-[a-z]+)+-[0-9])$`)

// placesOf is the places that are known, and those that were named, each once.
func placesOf(known []pipeline.Place, named []string) ([]pipeline.Place, error) {
	var places []pipeline.Place
	add := func(p pipeline.Place) {
		if !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	for _, p := range known {
		add(p)
	}
	for _, name := range named {
		m := placeWord.FindStringSubmatch(name)
		if m == nil {
			return nil, usage("--place 444455556666/eu-west-1", "%q is no account and region", name)
		}
		add(pipeline.Place{Account: m[1], Region: m[2]})
	}
	return places, nil
}

// largestRelease is how many bytes of a release are read, packed; osquery 5 has 25
// to 35 MB.
const largestRelease = 256 << 20

const releaseHint = "give the release for Linux as osquery.io/downloads has it: osquery-VERSION_1.linux_ARCH.tar.gz"

// read reads the file and looks into it.
func (q pin) read() ([]byte, release, error) {
	file, err := os.Open(q.file)
	if err != nil {
		return nil, release{}, usage(releaseHint, "read %s: %w", q.file, bare(err))
	}
	defer func() { _ = file.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(file, largestRelease+1))
	switch {
	case err != nil:
		return nil, release{}, failed(fmt.Errorf("read %s: %w", q.file, bare(err)))
	case len(data) > largestRelease:
		return nil, release{}, usage(releaseHint, "%s has more than %d bytes", q.file, largestRelease)
	}
	r, err := readRelease(data)
	if err != nil {
		return nil, r, usage(releaseHint, "%s is no release of osquery: %w", q.file, err)
	}
	if q.arch != "" && q.arch != r.arch {
		return nil, r, usage("--arch "+r.arch, "%s is for %s, not for %s", q.file, r.arch, q.arch)
	}
	return data, r, nil
}

// setting is the line of infra/context.json that has hosts use a release.
func (r release) setting() string {
	name := map[string]string{x86: "osqueryX86", arm: "osqueryArm"}[r.arch]
	return fmt.Sprintf("%q: %q", name, r.sha256)
}
