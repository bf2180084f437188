package trigger

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"diffy/pkg/triage"
)

// maxPivots is how much one finding may ask every host for.
const maxPivots = 50

type runtimeDetails struct {
	Process process `json:"process"`
	Context struct {
		CommandLineExample string  `json:"commandLineExample"`
		LdPreloadValue     string  `json:"ldPreloadValue"`
		LibraryPath        string  `json:"libraryPath"`
		ModifyingProcess   process `json:"modifyingProcess"`
		ModuleFilePath     string  `json:"moduleFilePath"`
		ModuleName         string  `json:"moduleName"`
		ModuleSHA256       string  `json:"moduleSha256"`
		ReleaseAgentPath   string  `json:"releaseAgentPath"`
		RuncBinaryPath     string  `json:"runcBinaryPath"`
		ScriptPath         string  `json:"scriptPath"`
		TargetProcess      process `json:"targetProcess"`
		ThreatFilePath     string  `json:"threatFilePath"`
	} `json:"context"`
}

type process struct {
	Path    string `json:"executablePath"`
	SHA256  string `json:"executableSha256"`
	Script  string `json:"scriptPath"`
	Lineage []struct {
		Path string `json:"executablePath"`
		PID  int    `json:"pid"`
	} `json:"lineage"`
}

type action struct {
	Network    connection `json:"networkConnectionAction"`
	DNSRequest struct {
		Domain string `json:"domain"`
	} `json:"dnsRequestAction"`
	PortProbe struct {
		Details []connection `json:"portProbeDetails"`
	} `json:"portProbeAction"`
	APICall connection `json:"awsApiCallAction"` // who used the instance's credentials
}

type connection struct {
	Direction string `json:"connectionDirection"`
	RemoteIP  struct {
		V4 string `json:"ipAddressV4"`
		V6 string `json:"ipAddressV6"`
	} `json:"remoteIpDetails"`
	RemotePort struct {
		Port int `json:"port"`
	} `json:"remotePortDetails"`
}

type malwareScan struct {
	Detections struct {
		ByName struct {
			Threats []struct {
				Files []struct {
					Path string `json:"filePath"`
					Hash string `json:"hash"`
				} `json:"filePaths"`
			} `json:"threatNames"`
		} `json:"threatDetectedByName"`
	} `json:"scanDetections"`
	Threats []struct {
		Items []struct {
			Path string `json:"itemPath"`
			Hash string `json:"hash"`
		} `json:"itemDetails"`
	} `json:"threats"`
}

// everyday are the remote ports that half of all connections go to: a pivot on
// one of them would be seen on every host and say nothing.
var everyday = []int{53, 80, 443}

// pivotList collects pivots, each once, those that no host could answer left out.
type pivotList struct {
	source string
	pivots []triage.Pivot
}

func (l *pivotList) add(kind triage.PivotKind, value string) {
	p := triage.Pivot{Kind: kind, Value: value, Source: l.source}
	switch {
	case len(l.pivots) >= maxPivots || slices.Contains(l.pivots, p):
	case CheckPivot(p) == nil:
		l.pivots = append(l.pivots, p)
	}
}

// pivots returns what the finding saw and every host is to be asked for.
func (f *finding) pivots() []triage.Pivot {
	l := &pivotList{source: "guardduty:" + f.ID}
	l.runtime(&f.Service.RuntimeDetails)
	l.connection(f.Service.Action.Network)
	l.connection(f.Service.Action.APICall)
	for _, probe := range f.Service.Action.PortProbe.Details {
		l.connection(probe)
	}
	l.domain(f.Service.Action.DNSRequest.Domain)
	l.malware(&f.Service.EBSVolumeScan)
	l.malware(&f.Service.MalwareScan)
	for _, threat := range f.Service.Evidence.Threats {
		l.digest(threat.SHA256)
	}
	l.sequence(&f.Service.Detection.Sequence)
	return l.pivots
}

func (l *pivotList) digest(sha256 string) { l.add(triage.PivotSHA256, strings.ToLower(sha256)) }

func (l *pivotList) domain(name string) {
	l.add(triage.PivotDomain, strings.TrimSuffix(strings.ToLower(name), "."))
}

// sequence adds the programs that acted and the endpoints that they used.
func (l *pivotList) sequence(s *sequence) {
	for _, actor := range s.Actors {
		l.add(triage.PivotPath, actor.Process.Path)
		l.digest(actor.Process.SHA256)
	}
	for _, e := range s.Endpoints {
		c := connection{Direction: e.Connection.Direction}
		c.RemoteIP.V4, c.RemotePort.Port = e.IP, e.Port
		l.connection(c)
		l.domain(e.Domain)
	}
}

func (l *pivotList) runtime(r *runtimeDetails) {
	c := &r.Context
	l.process(&r.Process)
	l.process(&c.ModifyingProcess)
	l.process(&c.TargetProcess)
	for _, path := range []string{c.ScriptPath, c.LibraryPath, c.ModuleFilePath, c.ThreatFilePath, c.RuncBinaryPath, c.ReleaseAgentPath} {
		l.add(triage.PivotPath, path)
	}
	l.add(triage.PivotCmdline, c.CommandLineExample)
	l.add(triage.PivotModule, c.ModuleName)
	l.digest(c.ModuleSHA256)
	l.add(triage.PivotPreload, c.LdPreloadValue)
}

// process adds a program and its ancestors, but for the first process, which is
// everybody's.
func (l *pivotList) process(p *process) {
	l.add(triage.PivotPath, p.Path)
	l.digest(p.SHA256)
	l.add(triage.PivotPath, p.Script)
	for _, ancestor := range p.Lineage {
		if ancestor.PID > 1 {
			l.add(triage.PivotParent, ancestor.Path)
		}
	}
}

// connection adds the other side's address, and where the host called out to an
// unusual port also that: the remote port of a caller is random.
func (l *pivotList) connection(c connection) {
	for _, ip := range []string{c.RemoteIP.V4, c.RemoteIP.V6} {
		if a, err := netip.ParseAddr(ip); err == nil && !a.IsUnspecified() {
			l.add(triage.PivotIP, a.String())
		}
	}
	if strings.EqualFold(c.Direction, "OUTBOUND") && !slices.Contains(everyday, c.RemotePort.Port) {
		l.add(triage.PivotPort, strconv.Itoa(c.RemotePort.Port))
	}
}

func (l *pivotList) malware(scan *malwareScan) {
	for _, threat := range scan.Detections.ByName.Threats {
		for _, file := range threat.Files {
			l.file(file.Path, file.Hash)
		}
	}
	for _, threat := range scan.Threats {
		for _, item := range threat.Items {
			l.file(item.Path, item.Hash)
		}
	}
}

// file adds a file that a scan found on a volume; its path starts at the volume.
func (l *pivotList) file(path, hash string) {
	if path != "" {
		l.add(triage.PivotPath, "/"+strings.TrimPrefix(path, "/"))
	}
	l.digest(hash)
}
