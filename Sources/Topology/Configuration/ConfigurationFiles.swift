import BotKit
import FoundationEssentials

/// Finds and reads configuration files: `DIRECTORY/NAME.yaml`, and over it `DIRECTORY/ENVIRONMENT/NAME.yaml`.
public enum ConfigurationFiles {
    public static let environments = ["development", "staging", "production"]

    /// A file or directory that could not be read.
    public struct ReadError: Error, Sendable, Equatable, CustomStringConvertible {
        public let file: String
        public let message: String
        public var description: String { "\(file): \(message)" }
    }

    /// One file, with the environment's overlay if there is one beside it.
    public static func source(_ file: String, environment: String? = nil) throws(ReadError) -> ConfigurationSource {
        let base = try text(file)
        guard let environment else { return ConfigurationSource(base) }
        let overlay = overlayPath(of: file, environment: environment)
        return ConfigurationSource(base, overlay: FileManager.default.fileExists(atPath: overlay) ? try text(overlay) : nil)
    }

    /// All `*.yaml` and `*.yml` files directly in `directory`, in the order of their names.
    public static func sources(directory: String, environment: String? = nil) throws(ReadError) -> [ConfigurationSource] {
        if let environment { try check(environment, in: directory) }
        var sources: [ConfigurationSource] = []
        for name in try names(in: directory) where isConfiguration(name) {
            sources.append(try source(joined(directory, name), environment: environment))
        }
        return sources
    }

    /// The overlays of an environment that lie over no file.
    public static func orphans(directory: String, environment: String) throws(ReadError) -> [String] {
        let overlays = joined(directory, environment)
        guard FileManager.default.fileExists(atPath: overlays) else { return [] }
        let bases = Set(try names(in: directory))
        return try names(in: overlays).filter { isConfiguration($0) && !bases.contains($0) }.map { joined(overlays, $0) }
    }

    /// An environment is known by its directory; the three usual ones may have none.
    private static func check(_ environment: String, in directory: String) throws(ReadError) {
        guard !environments.contains(environment), !FileManager.default.fileExists(atPath: joined(directory, environment)) else { return }
        let own = try names(in: directory).filter { !isConfiguration($0) && !environments.contains($0) }
        let known = environments + own
        let nearest = NearestName.of(environment, in: known).map { ", nearest is '\($0)'" } ?? ""
        throw ReadError(
            file: directory,
            message: "there is no environment '\(environment)', expected one of \(known.joined(separator: ", "))\(nearest)")
    }

    private static func isConfiguration(_ name: String) -> Bool {
        (name.hasSuffix(".yaml") || name.hasSuffix(".yml")) && !name.hasPrefix(".")
    }

    private static func names(in directory: String) throws(ReadError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        } catch {
            throw ReadError(file: directory, message: "the directory cannot be read")
        }
    }

    private static func text(_ file: String) throws(ReadError) -> ConfigurationSource.Text {
        let attributes: [FileAttributeKey: Any]
        let data: Data
        do {
            attributes = try FileManager.default.attributesOfItem(atPath: file)
            guard attributes[.type] as? FileAttributeType != .typeDirectory else {
                throw ReadError(file: file, message: "is a directory, expected a file")
            }
            data = try Data(contentsOf: URL(filePath: file))
        } catch let error as ReadError {
            throw error
        } catch {
            throw ReadError(file: file, message: FileManager.default.fileExists(atPath: file) ? "cannot be read" : "there is no such file")
        }
        return ConfigurationSource.Text(file: file, bytes: Array(data))
    }

    private static func overlayPath(of file: String, environment: String) -> String {
        guard let slash = file.lastIndex(of: "/") else { return joined(environment, file) }
        return "\(file[...slash])\(environment)/\(file[file.index(after: slash)...])"
    }

    private static func joined(_ directory: String, _ name: String) -> String {
        directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    }
}
