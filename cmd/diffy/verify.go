package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

func (a *app) verify() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "verify RUN|DIR",
		Short: "Hold the evidence of a run against its digests",
		Long: "Hash the evidence of a run again and compare it with the run's manifest.json. It ends with 10\n" +
			"when something differs, is missing, or is there without being in the manifest. The manifest\n" +
			"itself is nowhere signed: keep it, or its digest, where who can write the evidence cannot.",
		Example: "  diffy verify out/\n  diffy verify web-prod-202611240312-1f3a",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runVerify(cmd.Context(), format, args[0])
		},
		ValidArgsFunction: a.completeFirst(a.runIDs, cobra.ShellCompDirectiveDefault),
	}
	addFormat(cmd, &format)
	return cmd
}

// verification is what came of it.
type verification struct {
	Run      string    `json:"run"`
	Manifest string    `json:"manifest"` // sha256 of manifest.json, hex
	Verified int       `json:"verified"`
	Problems []problem `json:"problems"`
}

type problem struct {
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

func (a *app) runVerify(ctx context.Context, format, arg string) error {
	encoded, err := asJSON(format)
	if err != nil {
		return err
	}
	dir := arg
	if info, err := os.Stat(arg); err != nil || !info.IsDir() {
		if _, dir, err = a.findRun(ctx, []string{arg}); err != nil {
			return usage("give the folder of a run, or a run's id: diffy runs list", "%q is neither a folder nor a run", arg)
		}
	}
	v, err := a.verifyFolder(ctx, dir)
	if err != nil {
		return err
	}
	if encoded {
		err = a.json(v)
	} else {
		err = a.showVerification(v)
	}
	if err == nil && len(v.Problems) > 0 {
		err = &exit{code: exitFound}
	}
	return err
}

func (a *app) showVerification(v verification) error {
	for _, p := range v.Problems {
		if _, err := fmt.Fprintf(a.out, "%s  %s: %s\n", a.paint("BAD", red), oneLine(p.Key), oneLine(p.Reason)); err != nil {
			return failed(err)
		}
	}
	_, err := fmt.Fprintf(a.out, "run %s: %s as in its manifest, %s\nsha256 of the manifest: %s\n", oneLine(v.Run),
		plural(v.Verified, "object is", "objects are"), plural(len(v.Problems), "problem", "problems"), v.Manifest)
	return failed(err)
}

// verifyFolder checks the objects of the manifest in a run's folder, those of
// earlier runs in theirs.
func (a *app) verifyFolder(ctx context.Context, dir string) (v verification, err error) {
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return v, usage("give the folder that a run has left: it has a manifest.json", "read %s: %w", filepath.Join(dir, "manifest.json"), bare(err))
	}
	var m pipeline.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return v, failed(fmt.Errorf("read %s: %w", filepath.Join(dir, "manifest.json"), err))
	}
	sum := sha256.Sum256(data)
	v = verification{Run: m.Run, Manifest: hex.EncodeToString(sum[:]), Problems: []problem{}}
	if m.Count != len(m.Objects) {
		v.Problems = append(v.Problems, problem{"manifest.json", fmt.Sprintf("it counts %d objects and lists %d", m.Count, len(m.Objects))})
	}
	listed := map[string]bool{}
	for _, o := range m.Objects {
		from := dir
		if o.Run == "" {
			listed[o.Key] = true
		} else if from, err = a.table().Folder(ctx, o.Run); err != nil {
			return v, failed(err)
		}
		if why := differs(from, o); why != "" {
			v.Problems = append(v.Problems, problem{o.Key, why})
		} else {
			v.Verified++
		}
	}
	more, err := unlisted(dir, listed)
	v.Problems = append(v.Problems, more...)
	return v, failed(err)
}

// differs says in what an object is not what the manifest says of it. The key is
// no way out of the folder, whatever it says.
func differs(dir string, o pipeline.ManifestEvidence) string {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "the folder of run " + o.Run + " is not there"
	}
	defer func() { _ = root.Close() }() // read only
	file, err := root.Open(filepath.FromSlash(o.Key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it is missing"
	case err != nil:
		return "it cannot be read: " + bare(err).Error()
	}
	defer func() { _ = file.Close() }() // read only
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	switch digest := hex.EncodeToString(hash.Sum(nil)); {
	case err != nil:
		return "it cannot be read: " + bare(err).Error()
	case digest != o.SHA256:
		return fmt.Sprintf("its sha256 is %s, the manifest has %s", digest, o.SHA256)
	case size != o.Size:
		return fmt.Sprintf("it has %d bytes, the manifest says %d", size, o.Size)
	}
	return ""
}

// unlisted finds evidence that the manifest does not know.
func unlisted(dir string, listed map[string]bool) ([]problem, error) {
	var out []problem
	err := fs.WalkDir(os.DirFS(dir), "evidence", func(key string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && key == "evidence":
			return fs.SkipAll
		case err != nil:
			return err
		case !e.IsDir() && !listed[key]:
			out = append(out, problem{key, "it is not in the manifest"})
		}
		return nil
	})
	return out, err
}
