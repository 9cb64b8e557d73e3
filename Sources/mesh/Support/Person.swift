import Glibc
import Kafka

/// Who runs the command, as it is written into events.
enum Person {
    /// The name that the broker authenticated, where it does; else the login name, marked `(unverified)`.
    static func name(_ settings: ClientSettings) -> String {
        if let principal = settings["sasl.username"] { return principal }
        return "\(loginName) (unverified)"
    }

    private static var loginName: String {
        guard let entry = getpwuid(getuid()), let name = entry.pointee.pw_name else { return "uid \(getuid())" }
        return String(cString: name)
    }
}
