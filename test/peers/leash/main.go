// Command leash runs a program for as long as its own standard input is open: `leash FOLDER PROGRAM
// ARGS...`. When whoever holds the other end lets go of it, which whoever dies does, the program is
// killed and FOLDER removed. On SIGTERM the program is killed and FOLDER stays. Exits as the program.
package main

import (
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	folder, words := os.Args[1], os.Args[2:]
	program := exec.Command(words[0], words[1:]...)
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	if err := program.Start(); err != nil {
		log.Fatal(err)
	}

	isReleased := make(chan bool)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		isReleased <- true
	}()
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		_ = program.Wait()
		close(ended)
	}()

	select {
	case <-ended:
	case <-terminate:
		kill(program, ended)
	case <-isReleased:
		kill(program, ended)
		_ = os.RemoveAll(folder)
	}
	os.Exit(max(program.ProcessState.ExitCode(), 0))
}

func kill(program *exec.Cmd, ended <-chan struct{}) {
	_ = program.Process.Kill()
	<-ended
}
