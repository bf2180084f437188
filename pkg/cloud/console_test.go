package cloud

import "testing"

func TestConsole(t *testing.T) {
	home := Config{Region: "eu-west-1", Work: "diffy-work", StateMachine: "arn:aws:states:eu-west-1:111122223333:stateMachine:diffy-triage"}
	china := Config{Region: "cn-north-1", Work: "diffy-work", StateMachine: "arn:aws-cn:states:cn-north-1:111122223333:stateMachine:diffy-triage"}
	tests := []struct{ name, got, want string }{
		{"report", home.ReportAddress("web-1"), "https://eu-west-1.console.aws.amazon.com/s3/object/diffy-work?prefix=runs%2Fweb-1%2Freport.html&region=eu-west-1"},
		{"execution", home.ExecutionAddress("web-1"), "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/arn:aws:states:eu-west-1:111122223333:execution:diffy-triage:web-1"},
		{"another partition", china.ReportAddress("web-1"), "https://cn-north-1.console.amazonaws.cn/s3/object/diffy-work?prefix=runs%2Fweb-1%2Freport.html&region=cn-north-1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("\ngot  %s\nwant %s", test.got, test.want)
			}
		})
	}
}
