// Command hollow-kubelet is the real kubelet over a container runtime that does nothing: Pods get
// scheduled, pulled, created, started and killed, and the kubelet's Events tell of it in its own
// words, but no container ever runs, and none ends by itself. It listens on no port.
package main

import (
	"context"
	"flag"
	"log"
	"time"

	"go.opentelemetry.io/otel/trace/noop"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	cri "k8s.io/cri-client/pkg"
	"k8s.io/cri-client/pkg/fake"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	cadvisor "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	"k8s.io/kubernetes/pkg/kubemark"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how to reach the API server")
	node := flag.String("node", "", "name of the Node")
	socket := flag.String("socket", "", "where the container runtime is to listen, a path")
	flag.Parse()
	if err := run(context.Background(), *kubeconfig, *node, *socket); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig, node, socket string) error {
	access, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	access.QPS, access.Burst = 200, 400
	client, err := kubernetes.NewForConfig(access)
	if err != nil {
		return err
	}
	heartbeat, err := kubernetes.NewForConfig(heartbeatAccess(access))
	if err != nil {
		return err
	}
	runtime := fake.NewFakeRemoteRuntime()
	if err := runtime.Start("unix://" + socket); err != nil {
		return err
	}
	containers, err := cri.NewRemoteRuntimeService(
		ctx, "unix://"+socket, 15*time.Second, noop.NewTracerProvider(), false)
	if err != nil {
		return err
	}

	options := kubemark.HollowKubeletOptions{NodeName: node, MaxPods: 250}
	flags, config := kubemark.GetHollowKubeletConfig(&options)
	config.EnableServer = false
	config.ClusterDNS = []string{"10.0.0.10"}
	config.EventRecordQPS, config.EventBurst = 0, 1000
	machine := &cadvisor.Fake{NodeName: node}
	stub := cm.NewStubContainerManager()
	kubelet := kubemark.NewHollowKubelet(
		flags, config, client, heartbeat, machine, runtime.ImageService, containers, stub)
	// kubemark leaves Events out.
	kubelet.KubeletDeps.Recorder = newRecorder(ctx, client, node)
	kubelet.Run(ctx)
	return nil
}

// heartbeatAccess is for a client of its own, which the other's requests cannot hold up.
func heartbeatAccess(access *rest.Config) *rest.Config {
	own := rest.CopyConfig(access)
	own.Timeout, own.QPS = 10*time.Second, -1
	return own
}

func newRecorder(
	ctx context.Context, client kubernetes.Interface, node string,
) record.EventRecorderLogger {
	events := record.NewBroadcaster(record.WithContext(ctx))
	events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	source := corev1.EventSource{Component: "kubelet", Host: node}
	return events.NewRecorder(legacyscheme.Scheme, source)
}
