import BotKit
import Envelopes

/// Where artifacts lie, by their content. A directory today; another kind of store is another type.
public protocol ArtifactStore: Sendable {
    /// Takes a packed file. The same content always gives the same reference; storing it again changes nothing.
    func put(_ file: String, format: ArtifactFormat) async throws(CallFailure) -> ArtifactReference
    /// Copies an artifact to `file`, and checks its digest and size on the way. Permanent failures: `digest-mismatch`, `artifact-missing`, `artifact-refused`.
    func fetch(_ reference: ArtifactReference, to file: String) async throws(CallFailure)
}

/// How an artifact is packed.
public enum ArtifactFormat: String, Codable, Sendable, CaseIterable {
    case zstd = "tar.zst"
    case gzip = "tar.gz"
}

/// Artifacts in a directory: `sha256/<first two digits>/<digest>.<format>`. Several processes, and several machines that share it, may use it at once.
public struct DirectoryArtifactStore: ArtifactStore {
    public let directory: String

    /// - Parameter directory: an absolute path; made when it is first written to.
    public init(directory: String) { self.directory = directory }

    /// - Parameter url: `file:///…`; nil for another kind of URL.
    public init?(url: String) {
        guard let path = FileURL.path(url) else { return nil }
        self.init(directory: path)
    }

    public func put(_ file: String, format: ArtifactFormat) async throws(CallFailure) -> ArtifactReference {
        let directory = directory
        let result = await onOwnThread { () -> Result<ArtifactReference, WorkFileError> in
            do throws(WorkFileError) {
                let incoming = "\(directory)/incoming"
                try WorkFiles.makeDirectory(incoming, mode: 0o755)
                let temporary = "\(incoming)/\(UInt64.random(in: 0 ... .max)).part"
                let copied = try WorkFiles.copy(file, to: temporary)
                let shelf = "\(directory)/sha256/\(copied.sha256.prefix(2))"
                try WorkFiles.makeDirectory(shelf)
                let path = "\(shelf)/\(copied.sha256).\(format.rawValue)"
                try WorkFiles.rename(temporary, to: path)
                return .success(
                    ArtifactReference(url: FileURL.text(path), sha256: copied.sha256, sizeBytes: copied.size, format: format.rawValue))
            } catch {
                return .failure(error)
            }
        }
        return try result.mapError(\.failure).get()
    }

    public func fetch(_ reference: ArtifactReference, to file: String) async throws(CallFailure) {
        guard let path = FileURL.path(reference.url), path.hasPrefix(directory + "/"), !path.split(separator: "/").contains("..") else {
            throw CallFailure(
                .permanent, code: "artifact-refused", message: "\(reference.url) does not lie in the artifact store \(directory)")
        }
        let result = await onOwnThread { () -> Result<(sha256: String, size: Int)?, WorkFileError> in
            do throws(WorkFileError) {
                return .success(WorkFiles.exists(path) ? try WorkFiles.copy(path, to: file, mode: 0o600) : nil)
            } catch {
                return .failure(error)
            }
        }
        guard let copied = try result.mapError(\.failure).get() else {
            throw CallFailure(.permanent, code: "artifact-missing", message: "there is no artifact at \(reference.url)")
        }
        guard copied.sha256 == reference.sha256, copied.size == reference.sizeBytes else {
            throw CallFailure(
                .permanent, code: "digest-mismatch",
                message: "the artifact at \(reference.url) has \(copied.size) bytes and SHA-256 \(copied.sha256), "
                    + "expected \(reference.sizeBytes) bytes and \(reference.sha256)")
        }
    }
}

/// `file:` URLs of absolute paths. Source: RFC 8089.
public enum FileURL {
    /// The path of `file:///path` or `file://localhost/path`; nil for anything else, and for a path with a zero byte.
    public static func path(_ url: String) -> String? {
        guard url.hasPrefix("file://") else { return nil }
        var rest = url.dropFirst("file://".count)
        if rest.hasPrefix("localhost/") { rest = rest.dropFirst("localhost".count) }
        guard rest.hasPrefix("/") else { return nil }
        var bytes: [UInt8] = []
        var index = rest.utf8.startIndex
        let text = rest.utf8
        while index < text.endIndex {
            let byte = text[index]
            index = text.index(after: index)
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let end = text.index(index, offsetBy: 2, limitedBy: text.endIndex),
                let value = UInt8(String(text[index..<end]) ?? "", radix: 16),
                value != 0
            else { return nil }
            bytes.append(value)
            index = end
        }
        return String(validating: bytes, as: UTF8.self)
    }

    public static func text(_ path: String) -> String {
        var text = "file://"
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"),
                UInt8(ascii: "@"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                text += "%" + (hex.utf8.count == 1 ? "0" : "") + hex
            }
        }
        return text
    }
}
