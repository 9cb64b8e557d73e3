import CSystem
import Glibc
import Testing

@testable import BrokerStorage

/// A directory that lives as long as this value.
final class TestDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/broker-storage-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) != nil }
        try #require(made)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { csystem_remove_tree(path) }
}
