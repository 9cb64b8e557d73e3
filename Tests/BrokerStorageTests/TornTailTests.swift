import KafkaProtocol
import Testing

@testable import BrokerStorage

struct TornTailTests {
    private static let name = Segment.name(0) + SegmentFile.log.rawValue

    /// Four batches, and where each ends. The manifest's recovery point is behind the second one.
    private struct Written {
        let directory: TestDirectory
        var files: [String: [UInt8]]
        var manifest: [UInt8]
        var ends: [Int] = []
        var log: [UInt8] { files[TornTailTests.name] ?? [] }

        init() throws {
            directory = try TestDirectory()
            let test = try TestStore(directory)
            let log = try test.open()
            for index in 0..<4 {
                try log.append(batch(2, producer: 7, sequence: Int32(index * 2)))
                ends.append(log.size)
                if index == 1 { try test.sync(checkpoint: true) }
            }
            log.active.storeIndexes()
            test.store.end()
            files = try directory.files()
            manifest = try FileSystem.contents(directory.manifest, limit: 1 << 20)
        }
    }

    /// What must be there when the file has only `whole` batches, and that it goes on from there.
    private func check(_ directory: TestDirectory, whole: Int, cut: Int, _ note: String) throws {
        let test = try TestStore(directory)
        defer { test.store.end() }
        let log = try test.open()
        let offsets = (0..<whole).map { Int64($0 * 2) }
        #expect(log.endOffset == Int64(whole * 2), "\(note)")
        #expect(try log.allOffsets() == offsets, "\(note)")
        if cut == 0 {
            #expect(test.cuts.isEmpty, "\(note)")
        } else if case .cut(let partition, let offset, let bytes, _)? = test.cuts.first {
            #expect(partition == log.partition && offset == Int64(whole * 2) && bytes == cut && test.cuts.count == 1, "\(note)")
        } else {
            Issue.record("nothing is said of a cut: \(note)")
        }
        if whole > 0 { #expect(try log.append(batch(2, producer: 7, sequence: Int32(whole * 2 - 2))).isDuplicate, "\(note)") }
        try log.append(batch(2, producer: 7, sequence: Int32(whole * 2)))
        #expect(try log.allOffsets() == offsets + [Int64(whole * 2)], "\(note)")
    }

    @Test(arguments: [false, true]) func aLogThatEndsAnywhereKeepsItsWholeBatches(hasManifest: Bool) throws {
        var written = try Written()
        let log = written.log
        for size in (hasManifest ? written.ends[1] : 0)...log.count {
            written.files[Self.name] = Array(log.prefix(size))
            try written.directory.restore(written.files, manifest: hasManifest ? written.manifest : nil)
            let whole = written.ends.filter { $0 <= size }.count
            try check(written.directory, whole: whole, cut: size - (whole == 0 ? 0 : written.ends[whole - 1]), "\(size) bytes")
        }
    }

    /// The leader epoch is the only part of a batch that no checksum covers.
    @Test func aFlippedByteBehindTheRecoveryPointEndsTheLog() throws {
        var written = try Written()
        let log = written.log
        for position in written.ends[1]..<log.count {
            let index = written.ends.firstIndex { position < $0 } ?? 0
            let begin = written.ends[index - 1]
            if (12..<16).contains(position - begin) { continue }
            var bytes = log
            bytes[position] ^= 0x10
            written.files[Self.name] = bytes
            try written.directory.restore(written.files, manifest: written.manifest)
            try check(written.directory, whole: index, cut: log.count - begin, "byte \(position)")
        }
    }

    @Test func aFlippedByteBeforeTheRecoveryPointTakesNothingElseAway() throws {
        var written = try Written()
        var bytes = written.log
        bytes[written.ends[0] - 1] ^= 1
        written.files[Self.name] = bytes
        try written.directory.restore(written.files, manifest: written.manifest)
        let test = try TestStore(written.directory)
        let log = try test.open()
        #expect(log.endOffset == 8 && test.cuts.isEmpty)
        #expect(try log.allOffsets(from: 2) == [2, 4, 6])
        #expect(throws: BatchError.self) { try log.allOffsets() }
        try log.append(batch(2, producer: 7, sequence: 8))
    }

    @Test func aManifestThatCannotBeReadLosesNoData() throws {
        let written = try Written()
        let manifest: Manifest = try CheckedFile.decode(written.manifest, versions: 1...Manifest.version)
        func opens(_ bytes: [UInt8]?, isRebuilt: Bool, _ note: String) throws {
            try written.directory.restore(written.files, manifest: bytes)
            let test = try TestStore(written.directory)
            let said = test.notices.contains { if case .rebuilt(written.directory.manifest, _) = $0 { true } else { false } }
            #expect(said == isRebuilt, "\(note)")
            test.store.end()
            try check(written.directory, whole: 4, cut: 0, note)
        }
        try opens(nil, isRebuilt: false, "missing")
        try opens(CheckedFile.encode(manifest, version: 1), isRebuilt: false, "version 1")
        try opens(CheckedFile.encode(manifest, version: 99), isRebuilt: true, "version 99")
        for size in 0..<written.manifest.count { try opens(Array(written.manifest.prefix(size)), isRebuilt: true, "\(size) bytes") }
        for position in written.manifest.indices {
            var bytes = written.manifest
            bytes[position] ^= 4
            try opens(bytes, isRebuilt: true, "byte \(position)")
        }
    }

    @Test func anEmptyLogKeepsItsEndWithoutAManifest() throws {
        let directory = try TestDirectory()
        let test = try TestStore(directory)
        var settings = LogSettings()
        settings.retentionMs = 1
        let log = try test.open("t", 0, settings)
        try log.append(batch(5))
        _ = log.maintain(now: test.now) { _ in }
        #expect((log.startOffset, log.endOffset, log.size) == (5, 5, 0))
        test.store.close()
        try FileSystem.remove(directory.manifest)
        let again = try TestStore(directory).open()
        #expect((again.startOffset, again.endOffset) == (5, 5))
    }
}
