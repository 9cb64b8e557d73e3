import Glibc

/// A program that has this terminal for itself until it ends.
enum ForegroundProcess {
    enum Ending: Equatable {
        /// Why not.
        case notStarted(String)
        case exited(Int32)
        case signalled(Int32)

        /// What did not go well, for people; nil when all did.
        func problem(of name: String) -> String? {
            switch self {
            case .notStarted(let reason): "cannot start \(name): \(reason)"
            case .exited(0): nil
            case .exited(let status): "\(name) ended with status \(status)"
            case .signalled(let signal): "\(name) was ended by signal \(signal)"
            }
        }
    }

    /// Waits for the end.
    static func run(_ program: String, _ arguments: [String], environment: [String: String]) -> Ending {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Stopped by Ctrl-Z it would hold the terminal, and nobody could let it go on: the shell sees only this process.
        var held = sigset_t()
        var all = sigset_t()
        sigemptyset(&held)
        sigaddset(&held, SIGTSTP)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &held)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var pid: pid_t = 0
        let status = CStrings.lend([program] + arguments) { argv in
            CStrings.lend(environment.map { "\($0)=\($1)" }.sorted()) { envp in
                posix_spawn(&pid, program, nil, &attributes, argv, envp)
            }
        }
        guard status == 0 else { return .notStarted(String(cString: strerror(status))) }
        var ending: Int32 = 0
        while waitpid(pid, &ending, 0) < 0, errno == EINTR {}
        return ending & 0x7f == 0 ? .exited((ending >> 8) & 0xff) : .signalled(ending & 0x7f)
    }
}

/// C strings for the length of a call.
enum CStrings {
    /// Lends a null-terminated array of them.
    static func lend<Result>(_ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in
            // It has at least the null at its end.
            body(buffer.baseAddress!)
        }
    }
}
