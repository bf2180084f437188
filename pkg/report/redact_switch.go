package report

import (
	"regexp"
	"slices"
	"strings"
)

// Single letters mean a password for some programs and a port for others, so they
// are known program by program.

// programSwitches are the flags of programs whose value is a secret, attached or as
// the next word. With "+" it is attached only: mysql's -p alone asks for it. With
// "?login" the flag counts where that word is there too: docker run -p is a port.
var programSwitches = map[string][]string{
	"mysql": {"-p+"}, "mysqldump": {"-p+"}, "mysqladmin": {"-p+"}, "mysqlimport": {"-p+"}, "mysqlcheck": {"-p+"}, "mysqlshow": {"-p+"},
	"mariadb": {"-p+"}, "mariadb-dump": {"-p+"}, "mariadb-admin": {"-p+"}, "xtrabackup": {"-p+"},
	"mongo": {"-p"}, "mongosh": {"-p"}, "mongodump": {"-p"}, "mongorestore": {"-p"}, "mongoexport": {"-p"},
	"sshpass": {"-p"}, "redis-cli": {"-a"}, "sqlcmd": {"-P"}, "bcp": {"-P"}, "isql": {"-P"}, "cqlsh": {"-p"}, "influx": {"-p"},
	"docker": {"-p?login"}, "podman": {"-p?login"}, "helm": {"-p?login"}, "az": {"-p?login"}, "oc": {"-p?login"},
	"ldapsearch": {"-w"}, "ldapadd": {"-w"}, "ldapmodify": {"-w"}, "ldapwhoami": {"-w"}, "ldapdelete": {"-w"}, "ldappasswd": {"-w", "-s", "-a"},
	"zip": {"-P"}, "unzip": {"-P"}, "7z": {"-p+"}, "7za": {"-p+"}, "rar": {"-p+", "-hp+"}, "unrar": {"-p+"},
	"snmpget": {"-c", "-A", "-X"}, "snmpwalk": {"-c", "-A", "-X"}, "ipmitool": {"-P"}, "plink": {"-pw"}, "pscp": {"-pw"},
	"useradd": {"-p"}, "usermod": {"-p"}, "groupadd": {"-p"}, "rabbitmqadmin": {"-p"}, "mosquitto_pub": {"-P"}, "mosquitto_sub": {"-P"},
	"hydra": {"-p"}, "medusa": {"-p"}, "crackmapexec": {"-p", "-H"}, "nxc": {"-p", "-H"}, "netexec": {"-p", "-H"}, "evil-winrm": {"-p", "-H"},
	"openssl": {"-k", "-K"},
}

// credentials are the flags whose value is a user and, after a separator, a secret.
var credentials = map[string]struct {
	flags []string
	after string
}{
	"curl":      {[]string{"-u", "--user", "-U", "--proxy-user"}, ":"},
	"http":      {[]string{"-a", "--auth"}, ":"},
	"https":     {[]string{"-a", "--auth"}, ":"},
	"smbclient": {[]string{"-U", "--user"}, "%"},
	"rpcclient": {[]string{"-U", "--user"}, "%"},
}

// words are what a command line is made of, with the space between them.
var words = regexp.MustCompile(`\s+|[^\s]+`)

// mixed is an attached value that looks like a password rather than like the
// bundled letters, numbers or paths that programs take: eight characters or more,
// with letters and digits.
var (
	mixed     = regexp.MustCompile(`^-[pP]['"]?([A-Za-z0-9!@#$%^&*_+?-]{8,})['"]?$`)
	hasLetter = regexp.MustCompile(`[A-Za-z]`)
	hasDigit  = regexp.MustCompile(`[0-9]`)
)

// switches redacts the secrets of single flags, by the program before them.
func switches(s string) string {
	if !strings.Contains(s, "-") && !strings.Contains(s, ":") {
		return s
	}
	parts := words.FindAllString(s, -1)
	var secret []string
	var user []string
	after, next, nextUser := "", false, false
	for i, word := range parts {
		if strings.TrimSpace(word) == "" {
			continue
		}
		switch {
		case next:
			next = false
			parts[i] = mark
			continue
		case nextUser:
			nextUser = false
			parts[i] = afterUser(word, after)
			continue
		}
		if program := base(word); !strings.HasPrefix(word, "-") {
			if flags, ok := programSwitches[program]; ok {
				secret, user = logins(flags, parts[i:]), nil
			}
			if c, ok := credentials[program]; ok {
				secret, user, after = nil, c.flags, c.after
			}
			continue
		}
		parts[i], next = attached(word, secret)
		if parts[i] == word && !next {
			parts[i], nextUser = attachedUser(word, user, after)
		}
		if m := mixed.FindStringSubmatch(parts[i]); m != nil && hasLetter.MatchString(m[1]) && hasDigit.MatchString(m[1]) {
			parts[i] = word[:2] + mark
		}
	}
	return strings.Join(parts, "")
}

// base is a program's name without its folder and what a shell puts around it.
func base(word string) string {
	word = strings.Trim(word, "\"'`();|&$")
	return word[strings.LastIndexByte(word, '/')+1:]
}

// logins leaves out the flags that count only where the command line logs in.
func logins(flags, rest []string) []string {
	var out []string
	for _, f := range flags {
		flag, only, found := strings.Cut(f, "?")
		if !found || slices.Contains(rest, only) {
			out = append(out, flag)
		}
	}
	return out
}

// attached redacts the value that follows a flag in its own word, or says that the
// next word is it.
func attached(word string, flags []string) (string, bool) {
	for _, f := range flags {
		flag, own := strings.CutSuffix(f, "+")
		rest, found := strings.CutPrefix(word, flag)
		switch {
		case !found:
		case rest == "" && !own:
			return word, true
		case rest != "" && len(flag) == 2 && !strings.HasPrefix(rest, mark):
			return flag + mark, false
		}
	}
	return word, false
}

func attachedUser(word string, flags []string, after string) (string, bool) {
	for _, f := range flags {
		rest, found := strings.CutPrefix(word, f)
		switch {
		case !found:
		case rest == "":
			return word, true
		case len(f) == 2 || rest[0] == '=':
			return f + afterUser(rest, after), false
		}
	}
	return word, false
}

// afterUser redacts what follows the separator of a user and a password.
func afterUser(s, separator string) string {
	user, secret, found := strings.Cut(s, separator)
	if !found || secret == "" || strings.HasPrefix(secret, "//") {
		return s
	}
	return user + separator + mark
}
