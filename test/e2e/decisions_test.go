package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"diffy/pkg/cloud"
	"diffy/pkg/pipeline"
	"diffy/pkg/triage"
)

const decided = "asg:web-prod"

// rooted lets every host of a group load a kernel module, or none.
func (w *world) rooted(ids []string, module string) {
	row := fmt.Sprintf(`{"name":%q,"size":"16384","used_by":"-","status":"Live","address":"0x0"}`, module)
	add := func(lines []string) []string {
		for i, line := range lines {
			if strings.HasPrefix(line, `{"name":"kernel_modules"`) {
				lines[i] = strings.Replace(line, `"snapshot":[`, `"snapshot":[`+row+`,`, 1)
			}
		}
		return lines
	}
	if module == "" {
		add = nil
	}
	for _, id := range ids {
		w.agents.hosts[id].act = quick{world: w, log: add}.act
	}
}

// concluded runs a run of the group and reads its result.
func (w *world) concluded(run string) *triage.Result {
	w.Helper()
	w.succeeded(w.run(run, `{"target":{"autoScalingGroup":"web-prod"}}`))
	return w.stored(run)
}

func (w *world) stored(run string) (r *triage.Result) {
	w.Helper()
	r = &triage.Result{}
	data, err := w.objects().Get(w.Context(), pipeline.Object{Bucket: pipeline.Work, Key: pipeline.ResultKey(run)}, 1<<30)
	w.must(err)
	w.must(json.Unmarshal(data, r))
	return r
}

func (w *world) objects() *cloud.Objects { return w.cloud().Objects }

func (w *world) cloud() *cloud.Cloud {
	w.Helper()
	c, err := cloud.New(w.Context(), w.cfg)
	w.must(err)
	return c
}

// of finds what a result says of a kernel module.
func of(r *triage.Result, module string) *triage.Finding {
	for i, f := range r.Findings {
		if f.Query == "kernel_modules" && f.Key["name"] == module {
			return &r.Findings[i]
		}
	}
	return nil
}

// TestLastGoodRun: nobody has made a baseline. The first run is good; then all hosts
// are attacked alike, which peers cannot tell, and the good run does. It is approved,
// and counts for all.
func TestLastGoodRun(t *testing.T) {
	w := newWorld(t)
	ids := w.quickGroup("web-prod", 3)
	if first := w.concluded("good-1"); len(first.Group.Baselines) > 0 || hasLoud(first) {
		t.Fatalf("the first run is not good: %+v", first.Findings)
	}
	w.says(0, []string{"baseline", "list"}, "asg:web-prod  good-1", "last good run, weak")

	w.rooted(ids, "nf_diag")
	second := w.concluded("bad-1")
	if b := second.Group.Baselines; len(b) != 1 || b[0].Version != "good-1" || !b[0].Weak || b[0].Hosts != 3 || b[0].Stale {
		t.Errorf("baselines of the second run: %+v", b)
	}
	if !strings.Contains(strings.Join(second.Notes, "\n"), "the last good run stands in for one, good-1, ") {
		t.Errorf("notes %q", second.Notes)
	}
	found := of(second, "nf_diag")
	if found == nil || found.HostsWith != 3 || !found.Severity.Loud() {
		t.Fatalf("what all hosts load since the good run: %+v", found)
	}
	if third := w.concluded("bad-2"); third.Group.Baselines[0].Version != "good-1" {
		t.Errorf("a run with findings took the place of the good one: %+v", third.Group.Baselines)
	}

	w.says(0, []string{"baseline", "approve", decided, "good-1"}, "asg:web-prod good-1: approved by arn:aws:sts::"+account)
	w.says(0, []string{"baseline", "show", "web-prod"}, "approved by arn:aws:sts::", "kernel_modules")
	last := w.concluded("bad-3")
	if b := last.Group.Baselines; len(b) != 1 || b[0].Weak {
		t.Errorf("baselines after the approval: %+v", b)
	}
	if f := of(last, "nf_diag"); f == nil || f.Score < found.Score {
		t.Errorf("an approved baseline says less than a good run: %+v, before %+v", f, found)
	}
}

func hasLoud(r *triage.Result) bool {
	for _, f := range r.Findings {
		if f.Severity.Loud() {
			return true
		}
	}
	return false
}

// TestSuppress: what a run has found is declared good, does not come again, and
// comes again when that has expired.
func TestSuppress(t *testing.T) {
	w := newWorld(t)
	ids := w.quickGroup("web-prod", 3)
	w.rooted(ids[:1], "nf_diag")
	found := of(w.concluded("run-1"), "nf_diag")
	if found == nil {
		t.Fatal("the module was not found")
	}
	w.says(2, []string{"suppress", "add", "0123456789abcdef", "--reason", "x"}, "!none of the latest 1 run has a finding")
	w.says(2, []string{"suppress", "add", found.ID, "--reason", "x", "--run", "run-7"}, `!there is no run "run-7"`)
	w.says(0, []string{"suppress", "add", found.ID, "--reason", "our network agent", "--expires", "30d"},
		found.ID+": suppressed in asg:web-prod until 20", "!it is a finding of run run-1, of "+account+"/"+region+"/asg:web-prod")
	w.says(0, []string{"suppress", "add", found.ID, "--reason", "our network agent", "--run", "run-1"},
		"for ever", "!it takes the place of what arn:aws:sts::")
	w.says(0, []string{"suppress", "list"}, "asg:web-prod  "+found.ID+"  never", "our network agent")

	second := w.concluded("run-2")
	if of(second, "nf_diag") != nil || len(second.Suppressed) != 1 || second.Suppressed[0].Finding != found.ID ||
		!strings.HasPrefix(second.Suppressed[0].Author, "arn:aws:sts::"+account) {
		t.Errorf("a suppressed finding: %+v, suppressed %+v", of(second, "nf_diag"), second.Suppressed)
	}
	w.must(w.cloud().Table.Suppress(w.Context(), account+"/"+region+"/"+decided, triage.Suppression{
		Finding: found.ID, Reason: "our network agent", Author: "ana", Expires: time.Now().Add(-time.Hour).UTC().Format(time.RFC3339),
	}))
	w.says(0, []string{"suppress", "list"}, "expired 20")
	third := w.concluded("run-3")
	if of(third, "nf_diag") == nil || !strings.Contains(strings.Join(third.Notes, "\n"), "the suppression of "+found.ID+" by ana has expired") {
		t.Errorf("after it has expired: %+v, notes %q", of(third, "nf_diag"), third.Notes)
	}
	w.says(0, []string{"suppress", "remove", found.ID}, "counts again")
	w.says(2, []string{"suppress", "remove", found.ID}, "!is not suppressed")
}

// TestBaselines: versions of evidence at hand, in the account.
func TestBaselines(t *testing.T) {
	w := newWorld(t)
	clean := filepath.Join(root, "testdata/shop-8-pack/baseline.jsonl.gz")
	later := filepath.Join(root, "testdata/shop-8-pack/baseline-1.9.0.jsonl.gz")
	w.says(0, []string{"baseline", "list"}, "!no baseline is stored in account "+account+", "+region)
	w.says(0, []string{"baseline", "create", "shop", clean, "--version", "1.8.2"},
		"asg:shop 1.8.2: 1 host", "!it is the baseline of "+account+"/"+region+"/asg:shop", "!diffy baseline approve asg:shop 1.8.2")
	w.says(0, []string{"baseline", "create", "asg:shop", clean, "--version", "1.8.2"}) // again
	w.says(2, []string{"baseline", "create", "asg:shop", later, "--version", "1.8.2"}, "!has a version 1.8.2 with other facts")
	w.says(0, []string{"baseline", "create", "asg:shop", later, "--version", "1.9.0"})
	w.says(0, []string{"baseline", "create", "444455556666/us-east-1/lt:lt-0a1b", clean, "--version", "v1"}, "444455556666/us-east-1/lt:lt-0a1b v1")
	w.says(0, []string{"baseline", "list"}, "\nasg:shop  ", "  1.9.0  ", "latest, not approved", "444455556666/us-east-1/lt:lt-0a1b  v1")
	w.says(0, []string{"baseline", "show", "lt:lt-0a1b"}, "444455556666/us-east-1/lt:lt-0a1b") // the only one of that name
	w.says(0, []string{"baseline", "approve", "shop", "1.8.2"}, "approved by arn:aws:sts::"+account)
	w.says(0, []string{"baseline", "list", "--format", "json"}, `"approved_by": "arn:aws:sts::`+account, `"group": "`+account+"/"+region+`/asg:shop"`)
	w.says(10, []string{"baseline", "compare", "shop", filepath.Join(root, "testdata/demo")}, "asg:shop", "baseline and rule")
	w.says(2, []string{"baseline", "delete", "shop"}, "!this would delete 2 versions of asg:shop")
	w.says(0, []string{"baseline", "delete", "shop", "1.8.2", "--yes"}, "asg:shop 1.8.2: deleted")
	w.says(2, []string{"baseline", "show", "shop", "1.8.2"}, "!has no version")
	w.says(0, []string{"baseline", "delete", "shop", "--yes"}, "asg:shop 1.9.0: deleted")
	w.says(2, []string{"baseline", "show", "shop"}, "!there is no baseline")
	for _, item := range w.items() {
		if strings.Contains(fmt.Sprint(item["pk"]), "asg:shop") {
			t.Errorf("what was deleted has left %v %v", item["pk"], item["sk"])
		}
	}
	w.says(0, []string{"baseline", "list", "--persistence", "file"}, "!no baseline is stored: ")
}

// TestBaselineRun: a version is made of two hosts of a group that are named by their
// ids, and is found under the group's name.
func TestBaselineRun(t *testing.T) {
	w := newWorld(t)
	ids := w.quickGroup("web-prod", 3)
	w.succeeded(w.run("base-1", `{"purpose":"baseline","target":{"instanceIds":["`+ids[0]+`","`+ids[2]+`"]}}`))
	w.says(0, []string{"baseline", "show", "web-prod"}, "asg:web-prod", "base-1", "latest, not approved", ids[0]+", "+ids[2])
	if b := w.concluded("run-1").Group.Baselines; len(b) != 1 || b[0].Version != "base-1" || b[0].Weak || b[0].Hosts != 2 {
		t.Errorf("baselines of a later run: %+v", b)
	}
	w.says(0, []string{"baseline", "list"}, "run-1", "good run, not used")
	w.says(0, []string{"baseline", "approve", "web-prod", "base-1"})
	if notes := strings.Join(w.concluded("run-2").Notes, "\n"); strings.Contains(notes, "approved") {
		t.Errorf("notes after the approval: %s", notes)
	}
	run := w.startedRun(w.says(0, []string{"triage", "--instance", ids[1], "--only", "--purpose", "baseline"},
		"!nobody has approved it yet: diffy baseline approve asg:web-prod "))
	w.says(0, []string{"baseline", "show", "web-prod", run}, "asg:web-prod", ids[1])
}

// TestInterrupted: a create that died after some chunks is no baseline, and is no
// hindrance to another of the same name.
func TestInterrupted(t *testing.T) {
	w := newWorld(t)
	table := w.cloud().Table
	b := pipeline.Baseline{Group: "g", Version: "v1", Created: "2026-01-01T00:00:00Z", Hosts: 1, Data: []byte("facts")}
	w.must(table.Store(w.Context(), b))
	w.removeItem("group#g", "baseline#v1") // its header, so that only the chunks are there
	w.removeItem("group#g", "current")
	if found, err := table.Find(w.Context(), "g", "auto"); err != nil || len(found) > 0 {
		t.Errorf("half a baseline: %v, %v", found, err)
	}
	b.Data = []byte("other facts")
	w.must(table.Store(w.Context(), b))
	if found, err := table.Find(w.Context(), "g", "v1"); err != nil || string(found[0].Data) != "other facts" {
		t.Errorf("after it was made anew: %v", err)
	}
	w.must(table.Approve(w.Context(), "g", "v1", "ana", time.Now()))
	w.removeItem("group#g", "baseline#v1") // and a delete that died
	w.must(table.Delete(w.Context(), "g", "v1"))
	if items := w.items(); len(items) > 0 {
		t.Errorf("a delete that was repeated has left %v", items)
	}
}

// removeItem removes what a command that died has not come to write, or to remove.
func (w *world) removeItem(pk, sk string) {
	w.Helper()
	_, err := dynamodb.NewFromConfig(w.sdk).DeleteItem(w.Context(), &dynamodb.DeleteItemInput{TableName: &w.cfg.Table, Key: map[string]dbtypes.AttributeValue{
		"pk": &dbtypes.AttributeValueMemberS{Value: pk}, "sk": &dbtypes.AttributeValueMemberS{Value: sk},
	}})
	w.must(err)
}

// TestVerify: the evidence as it was collected, and as somebody has changed it.
func TestVerify(t *testing.T) {
	w := newWorld(t)
	ids := w.quickGroup("web-prod", 2)
	w.concluded("run-1")
	w.says(0, []string{"verify", "run-1"}, "3 objects are as in its manifest, 0 problems", "4 versions: 4 locked until ", "(GOVERNANCE)")
	w.says(2, []string{"verify", "run-7"}, "!neither a folder nor a run of the account")

	key := func(id string) string {
		return pipeline.EvidenceKey("run-1", pipeline.Place{Account: account, Region: region}, id)
	}
	put := func(key string) {
		_, err := w.s3().PutObject(w.Context(), &s3.PutObjectInput{
			Bucket: &w.cfg.Evidence, Key: &key, Body: bytes.NewReader([]byte("forged")), ChecksumAlgorithm: s3types.ChecksumAlgorithmSha256,
		})
		w.must(err)
	}
	put(key(ids[0]))
	put("runs/run-1/evidence/" + account + "/" + region + "/i-0ddba11.jsonl.gz")
	_, err := w.s3().DeleteObject(w.Context(), &s3.DeleteObjectInput{Bucket: &w.cfg.Evidence, Key: aws.String(key(ids[1]))})
	w.must(err)
	s := w.says(10, []string{"verify", "run-1"}, "1 object is as in its manifest, 3 problems",
		ids[0]+".jsonl.gz: its sha256 is", "; its version ", " is as it was", ids[1]+".jsonl.gz: it was deleted on ",
		"i-0ddba11.jsonl.gz: it is not in the manifest")
	if strings.Contains(s.out, "forged") {
		t.Error("it prints evidence")
	}
	put(pipeline.ManifestKey("run-1"))
	w.says(10, []string{"verify", "run-1", "--format", "json"}, `"it has 2 versions; the first one counts`, `"lock_mode": "GOVERNANCE"`)
}

// TestOsqueryUpload: a release goes to each place once, what is none goes nowhere.
func TestOsqueryUpload(t *testing.T) {
	w := newWorld(t)
	w.member("444455556666")
	packed, err := tarball("opt/osquery/bin/osqueryd", program(elf.EM_AARCH64))
	w.must(err)
	file := filepath.Join(w.temp, "osquery-5.21.0_1.linux_aarch64.tar.gz")
	w.must(os.WriteFile(file, packed, 0o600))
	upload := func(more ...string) []string { return append([]string{"osquery", "upload", file}, more...) }
	w.says(0, upload("--arch", "aarch64"), hash(packed)+"  aarch64", account+"/"+region+"  s3://"+w.cfg.Intake+"/"+pipeline.OsqueryKey(hash(packed))+"  uploaded",
		`!"osqueryArm": "`+hash(packed)+`"`)
	w.says(0, upload("--place", "444455556666/"+region), "there already", "444455556666/"+region+"  s3://diffy-intake-444455556666-"+region+"/", "uploaded")
	w.says(2, upload("--arch", "x86_64"), "!is for aarch64, not for x86_64")
	w.says(1, upload("--place", "777788889999/"+region), "there already", "777788889999")

	kept, err := w.objects().Get(w.Context(), pipeline.Object{Bucket: pipeline.Intake, Key: pipeline.OsqueryKey(hash(packed))}, 1<<30)
	if err != nil || !bytes.Equal(kept, packed) {
		t.Errorf("what is there is not what was uploaded: %v", err)
	}
}

// program is the head of a 64-bit program for a machine.
func program(machine elf.Machine) []byte {
	head := make([]byte, 64)
	copy(head, elf.ELFMAG)
	head[elf.EI_CLASS], head[elf.EI_DATA], head[18] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(machine)
	return head
}

// tarball is a .tar.gz with one program, the same bytes each time.
func tarball(name string, program []byte) ([]byte, error) {
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	tw := tar.NewWriter(gz)
	err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(program))})
	if err != nil {
		return nil, err
	}
	if _, err := tw.Write(program); err != nil {
		return nil, err
	}
	err = errors.Join(tw.Close(), gz.Close())
	return packed.Bytes(), err
}
