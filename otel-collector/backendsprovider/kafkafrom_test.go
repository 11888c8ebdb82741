package backendsprovider

import (
	"reflect"
	"strings"
	"testing"
)

func TestKafkaFrom(t *testing.T) {
	conf, err := Load("debug", environment(map[string]string{kafkaFromVariable: "a:9092, b:9092"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := conf.Get("receivers::kafka::brokers"); !reflect.DeepEqual(got, []any{"a:9092", "b:9092"}) {
		t.Errorf("brokers: %v", got)
	}
	for _, signal := range []string{"logs", "metrics", "traces"} {
		if !conf.IsSet("service::pipelines::" + signal + "/kafka_from") {
			t.Errorf("%s of Kafka have no pipeline", signal)
		}
	}
	if !conf.IsSet("receivers::otlp") || conf.Get("receivers::kafka::message_marking::after") != true {
		t.Error("OTLP is gone, or what nobody took counts as read")
	}
	if conf, err = Load("debug", environment(nil)); err != nil || conf.IsSet("receivers::kafka") {
		t.Error("Kafka is read that nobody named", err)
	}
}

func TestKafkaFromOneClusterToAnother(t *testing.T) {
	env := map[string]string{kafkaFromVariable: "a:9092", kafkaToVariable: "b:9092"}
	if _, err := Load("kafka", environment(env)); err != nil {
		t.Error(err)
	}
}

func TestKafkaFromThatCantBe(t *testing.T) {
	for value, wrong := range map[string]string{
		"a":              "is not host:port",
		"http://a:9092":  "is not host:port",
		"a:9092,":        "is not host:port",
		"c:9092, a:9092": kafkaToVariable + " both name a:9092: what is read there would be written there again",
	} {
		_, err := Load("kafka", environment(map[string]string{kafkaFromVariable: value, kafkaToVariable: "b:9092,a:9092"}))
		if err == nil || !strings.Contains(err.Error(), kafkaFromVariable) || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
