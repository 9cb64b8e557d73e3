import Glibc

/// The part of the host that every sandboxed command sees, read-only: programs, libraries, and the public part of `/etc`. No home, no `/var`, no `/srv`.
enum SandboxMounts {
    /// Arguments of bubblewrap.
    static let system: [String] = {
        var line = ["--ro-bind", "/usr", "/usr", "--ro-bind-try", "/opt", "/opt"]
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
            if let target = linkTarget("/" + name) {
                line += ["--symlink", target, "/" + name]
            } else {
                line += ["--ro-bind-try", "/" + name, "/" + name]
            }
        }
        line += parents(of: "/etc/ssl/certs") + parents(of: "/var/tmp")
        for name in publicFiles { line += ["--ro-bind-try", "/etc/" + name, "/etc/" + name] }
        return line
    }()

    /// The directories above `path`, readable by everybody: bubblewrap would make them for root alone.
    static func parents(of path: String) -> [String] {
        let parts = path.split(separator: "/").dropLast()
        return parts.indices.flatMap { ["--perms", "0755", "--dir", "/" + parts[...$0].joined(separator: "/")] }
    }

    /// What programs need of `/etc`, and nothing that holds a secret.
    private static let publicFiles = [
        "passwd", "group", "nsswitch.conf", "hosts", "host.conf", "gai.conf", "resolv.conf", "protocols", "services", "localtime",
        "timezone",
        "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ssl/certs", "ssl/openssl.cnf", "ca-certificates",
        "ca-certificates.conf",
        "mime.types", "os-release", "debian_version", "python3", "python3.11", "perl", "java-17-openjdk", "java-21-openjdk", "magic",
        "fonts", "xml", "sgml", "terminfo", "inputrc", "bash.bashrc", "profile", "shells",
    ]

    private static func linkTarget(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            let count = readlink(path, buffer.baseAddress!, buffer.count)
            guard count > 0 else { return nil }
            return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
