package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"diffy/pkg/pipeline"

	"github.com/spf13/cobra"
)

func (a *app) verify() *cobra.Command {
	var format, where string
	cmd := &cobra.Command{
		Use:   "verify RUN|DIR",
		Short: "Hold the evidence of a run against its digests",
		Long: "Hash the evidence of a run again and compare it with the run's manifest.json. It ends with 10\n" +
			"when something differs, is missing, or is there without being in the manifest. In the account it\n" +
			"also ends with 10 when an object has more than one version, as evidence is written once, and it\n" +
			"shows how long the evidence is locked. The manifest itself is nowhere signed: keep it, or its\n" +
			"digest, where who can write the evidence cannot.",
		Example: "  diffy verify out/\n  diffy verify web-prod-202611240312-1f3a\n  diffy verify web-prod-202611240312-1f3a --persistence aws --format json",
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runVerify(cmd.Context(), format, where, args[0])
		},
		ValidArgsFunction: a.completeFirst(a.runIDs(&where), cobra.ShellCompDirectiveDefault),
	}
	addFormat(cmd, &format)
	addPersistence(cmd, &where)
	return cmd
}

// verification is what came of it.
type verification struct {
	Run      string    `json:"run"`
	Manifest string    `json:"manifest"` // sha256 of manifest.json, hex
	Verified int       `json:"verified"`
	Problems []problem `json:"problems"`

	Objects []sealed `json:"objects,omitempty"` // in the account
}

type problem struct {
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

func (a *app) runVerify(ctx context.Context, format, where, arg string) error {
	encoded, err := asJSON(format)
	if err != nil {
		return err
	}
	v, err := a.verification(ctx, where, arg)
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

// verification verifies a folder, or a run where runs are kept.
func (a *app) verification(ctx context.Context, where, arg string) (v verification, err error) {
	if info, err := os.Stat(arg); err == nil && info.IsDir() {
		return a.verifyFolder(ctx, arg)
	}
	kept, err := a.persistence(where)
	if err != nil {
		return v, err
	}
	if kept == inAWS {
		in, err := a.account(ctx)
		if err != nil {
			return v, err
		}
		return a.verifyAccount(ctx, in, arg)
	}
	_, dir, err := a.findRun(ctx, []string{arg})
	if err != nil {
		return v, usage("give the folder of a run, or a run's id: diffy runs list", "%q is neither a folder nor a run", arg)
	}
	return a.verifyFolder(ctx, dir)
}

func (a *app) showVerification(v verification) error {
	for _, p := range v.Problems {
		if _, err := fmt.Fprintf(a.out, "%s  %s: %s\n", a.paint("BAD", red), oneLine(p.Key), oneLine(p.Reason)); err != nil {
			return failed(err)
		}
	}
	_, err := fmt.Fprintf(a.out, "run %s: %s as in its manifest, %s\nsha256 of the manifest: %s\n", oneLine(v.Run),
		plural(v.Verified, "object is", "objects are"), plural(len(v.Problems), "problem", "problems"), v.Manifest)
	if err != nil || len(v.Objects) == 0 {
		return failed(err)
	}
	_, err = fmt.Fprintln(a.out, locks(v.Objects))
	return failed(err)
}

// begin reads a manifest and what is wrong with it by itself.
func begin(data []byte) (v verification, m pipeline.Manifest, err error) {
	if err := json.Unmarshal(data, &m); err != nil {
		return v, m, fmt.Errorf("read manifest.json: %w", err)
	}
	sum := sha256.Sum256(data)
	v = verification{Run: m.Run, Manifest: hex.EncodeToString(sum[:]), Problems: []problem{}}
	if m.Count != len(m.Objects) {
		v.Problems = append(v.Problems, problem{"manifest.json", fmt.Sprintf("it counts %d objects and lists %d", m.Count, len(m.Objects))})
	}
	return v, m, nil
}

// compared says in what an object is not what the manifest says of it, "" if in
// nothing.
func compared(digest string, size int64, o pipeline.ManifestEvidence) string {
	switch {
	case digest != o.SHA256:
		return fmt.Sprintf("its sha256 is %s, the manifest has %s", digest, o.SHA256)
	case size != o.Size:
		return fmt.Sprintf("it has %d bytes, the manifest says %d", size, o.Size)
	}
	return ""
}
