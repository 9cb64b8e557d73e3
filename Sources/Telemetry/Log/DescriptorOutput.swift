import Glibc
import Synchronization

/// Writes each line with one write(2), so that lines of several threads and processes do not mix (on a pipe up to 4 KiB, in this process always).
///
/// The descriptor is borrowed: its owner closes it. SIGPIPE must be ignored where it may be a pipe whose reader can go away.
public final class DescriptorOutput: LogOutput {
    public static let standardError = DescriptorOutput(STDERR_FILENO)

    private let descriptor: Mutex<Int32>

    public init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    public func write(_ line: [UInt8]) {
        descriptor.withLock { descriptor in
            line.withUnsafeBytes { bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                    if written > 0 {
                        rest = rest.dropFirst(written)
                    } else if written < 0, errno == EINTR {
                        continue
                    } else {
                        // Full (a non-blocking descriptor), closed or broken: the line is lost, and no log could say so.
                        return
                    }
                }
            }
        }
    }
}

extension Slice<UnsafeRawBufferPointer> {
    fileprivate var baseAddress: UnsafeRawPointer? { UnsafeRawBufferPointer(rebasing: self).baseAddress }
}
