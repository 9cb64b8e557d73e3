import BotKit
import Glibc

/// A child between its start and its end. Confined to the thread that made it, which must be the one that waits: the kernel ties
/// "dies with its parent" to that thread.
final class RunningChild {
    private let process: pid_t
    private let limits: ChildLimits
    private let bell: CancelBell
    private let line: (LogLine.Stream, String) -> Void
    private let started = ContinuousClock.now
    private var output: Descriptor?
    private var errors: Descriptor?
    private var input: Descriptor?
    private var unwritten: ArraySlice<UInt8>
    private var outputLines = LineSplitter()
    private var errorLines = LineSplitter()
    private var tail: Tail
    private var bytesRead = 0
    private var ending = ChildResult.Ending.finished
    /// When SIGKILL follows SIGTERM.
    private var killAt: ContinuousClock.Instant?
    private var memoryLookAt = ContinuousClock.now

    init(_ command: ChildCommand, bell: CancelBell, line: @escaping (LogLine.Stream, String) -> Void) throws(ChildError) {
        let standardOutput = try Descriptor.pipe()
        let standardError = try Descriptor.pipe()
        let standardInput = try Descriptor.pipe()
        let hasInput = !command.input.isEmpty
        process = try spawn(
            command, input: hasInput ? standardInput.read.number : nil, output: standardOutput.write.number,
            errors: standardError.write.number)
        limits = command.limits
        self.bell = bell
        self.line = line
        tail = Tail(limit: command.limits.tailLines)
        unwritten = command.input[...]
        standardOutput.read.setNonBlocking()
        standardError.read.setNonBlocking()
        standardInput.write.setNonBlocking()
        output = standardOutput.read
        errors = standardError.read
        input = hasInput ? standardInput.write : nil
    }

    /// Waits for the end, enforcing the limits.
    func wait() -> ChildResult {
        var hasEnded = false
        while !hasEnded {
            // With both pipes at their end nothing is left to be woken by but the end itself, which is looked for in short turns.
            let isQuiet = output == nil && errors == nil
            poll(timeout: isQuiet ? .milliseconds(5) : .milliseconds(50))
            enforce()
            hasEnded = hasExited()
        }
        // The child is still unreaped here, so its group's number cannot belong to anybody else.
        kill(-process, SIGKILL)
        drain()
        let status = reap()
        return ChildResult(status: status, ending: ending, duration: ContinuousClock.now - started, tail: tail.all)
    }

    private func poll(timeout: Duration) {
        var descriptors = [pollfd(fd: ending == .cancelled ? -1 : bell.descriptor, events: Int16(POLLIN), revents: 0)]
        descriptors.append(pollfd(fd: output?.number ?? -1, events: Int16(POLLIN), revents: 0))
        descriptors.append(pollfd(fd: errors?.number ?? -1, events: Int16(POLLIN), revents: 0))
        descriptors.append(pollfd(fd: input?.number ?? -1, events: Int16(POLLOUT), revents: 0))
        guard Glibc.poll(&descriptors, nfds_t(descriptors.count), Int32(timeout.roundedUpMilliseconds)) > 0 else { return }
        if descriptors[0].revents != 0 { stop(.cancelled) }
        if descriptors[1].revents != 0 { readOutput() }
        if descriptors[2].revents != 0 { readErrors() }
        if descriptors[3].revents != 0 { writeInput() }
    }

    private func enforce() {
        let now = ContinuousClock.now
        if let killAt {
            if now >= killAt { kill(-process, SIGKILL) }
            return
        }
        if bytesRead > limits.outputBytes { return stop(.outputLimit) }
        if now - started >= limits.time { return stop(.timedOut) }
        if let limit = limits.memoryBytes, now >= memoryLookAt {
            memoryLookAt = now + .milliseconds(250)
            if ProcessTree.memoryBytes(below: process) > limit { stop(.memoryLimit) }
        }
    }

    /// Begins to stop the whole group.
    private func stop(_ reason: ChildResult.Ending) {
        guard killAt == nil else { return }
        ending = reason
        killAt = ContinuousClock.now + limits.grace
        kill(-process, reason == .memoryLimit || reason == .outputLimit ? SIGKILL : SIGTERM)
    }

    /// Whether the child has ended; it is not reaped yet.
    private func hasExited() -> Bool {
        var information = siginfo_t()
        let flags = WEXITED | WNOHANG | WNOWAIT
        guard waitid(P_PID, id_t(process), &information, flags) == 0 else { return errno != EINTR }
        return information.si_signo == SIGCHLD
    }

    private func reap() -> ChildResult.Status {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { return .exited(-1) }
        }
        let signal = status & 0x7f
        return signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
    }

    /// Reads what is left in the pipes: all that lies in them, and for 200 ms what a descendant that left the group may still write.
    private func drain() {
        let idle = ContinuousClock.now + .milliseconds(200)
        let last = ContinuousClock.now + .seconds(5)
        while output != nil || errors != nil, bytesRead <= limits.outputBytes, ContinuousClock.now < last {
            var descriptors = [
                pollfd(fd: output?.number ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: errors?.number ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            guard Glibc.poll(&descriptors, 2, 20) > 0 else {
                if ContinuousClock.now < idle { continue }
                break
            }
            if descriptors[0].revents != 0 { readOutput() }
            if descriptors[1].revents != 0 { readErrors() }
        }
        output = nil
        errors = nil
        outputLines.end { emit(.stdout, $0) }
        errorLines.end { emit(.stderr, $0) }
    }

    private func readOutput() {
        guard let descriptor = output else { return }
        let isOpen = read(descriptor) { bytes in outputLines.take(bytes) { emit(.stdout, $0) } }
        if !isOpen { output = nil }
    }

    private func readErrors() {
        guard let descriptor = errors else { return }
        let isOpen = read(descriptor) { bytes in errorLines.take(bytes) { emit(.stderr, $0) } }
        if !isOpen { errors = nil }
    }

    /// Reads once. False at the end of the pipe.
    private func read(_ descriptor: Descriptor, _ take: (UnsafeRawBufferPointer) -> Void) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) { buffer in
            let count = Glibc.read(descriptor.number, buffer.baseAddress, buffer.count)
            if count > 0 {
                bytesRead += count
                take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
        }
    }

    private func emit(_ stream: LogLine.Stream, _ text: String) {
        tail.append(text)
        line(stream, text)
    }

    private func writeInput() {
        guard let descriptor = input else { return }
        let count = unwritten.withUnsafeBytes { Glibc.write(descriptor.number, $0.baseAddress, $0.count) }
        if count > 0 { unwritten = unwritten.dropFirst(count) }
        // A child that closed its input is not an error; SIGPIPE is blocked on this thread.
        if unwritten.isEmpty || (count < 0 && errno != EAGAIN && errno != EINTR) { input = nil }
    }
}
