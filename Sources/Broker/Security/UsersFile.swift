/// The file that says who may log in: lines `name:password`, `#` begins a comment line. Its passwords are text that everything they can do depends on, so only
/// its owner may read it.
public enum UsersFile {
    /// Each costs one or two password hashes at the start.
    static let maximumUsers = 1_000
    private static let maximumBytes = 1 << 20

    /// - Throws: all problems together, with their lines and without a password.
    public static func read(_ path: String) throws(ConfigurationError) -> [User] {
        try parse(TextFile.read(path, maximumBytes: maximumBytes, isSecret: true), file: path)
    }

    /// The same for what stands in the file.
    static func parse(_ text: [UInt8], file: String) throws(ConfigurationError) -> [User] {
        var users: [User] = []
        var lines: [String: Int] = [:]
        var problems: [String] = []
        for (index, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            do throws(UserLineError) {
                guard let user = try user(line) else { continue }
                if let first = lines[user.name] {
                    throw UserLineError("the user is named in line \(first) already; remove one of the lines")
                }
                lines[user.name] = index + 1
                users.append(user)
            } catch {
                problems.append("\(file):\(index + 1): \(error.reason)")
            }
        }
        if users.count > maximumUsers { problems.append("\(file): there are \(users.count) users; at most \(maximumUsers) can be kept") }
        if users.isEmpty, problems.isEmpty { problems.append("\(file): there is no user; write a line name:password for each") }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        return users
    }

    private struct UserLineError: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    /// nil for a line without a user. The password goes to the end of the line, spaces included.
    private static func user(_ line: ArraySlice<UInt8>) throws(UserLineError) -> User? {
        let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        guard let first = line.first(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }), first != UInt8(ascii: "#") else {
            return nil
        }
        // Without a colon the line may be a password: it is not shown.
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw UserLineError("there is no ':'; write name:password") }
        guard let name = String(validating: line[..<colon], as: UTF8.self) else { throw UserLineError("the name is not UTF-8") }
        let password = Array(line[(colon + 1)...])
        try check(name)
        guard !password.isEmpty else { throw UserLineError("there is no password after ':'") }
        guard password.count <= User.maximumPasswordBytes else {
            throw UserLineError("the password is longer than \(User.maximumPasswordBytes) bytes")
        }
        guard !password.contains(where: { $0 < 0x20 || $0 == 0x7f }), String(validating: password, as: UTF8.self) != nil else {
            throw UserLineError("the password has control characters or is not UTF-8")
        }
        return User(name: name, password: password)
    }

    private static func check(_ name: String) throws(UserLineError) {
        guard !name.isEmpty else { throw UserLineError("there is no name before ':'; write name:password") }
        guard name.utf8.count <= User.maximumNameBytes else {
            throw UserLineError("the name is longer than \(User.maximumNameBytes) bytes")
        }
        guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }), SettingText.trimmed(name) == name else {
            throw UserLineError("the name has control characters, or space around it")
        }
        // What ACLs mean everybody by, and who has not logged in.
        guard name != "*", User.principal(name) != Session.anonymous else {
            throw UserLineError("nobody can have this name; choose another")
        }
    }
}
