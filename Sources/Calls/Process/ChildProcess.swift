import BotKit
import CSystem
import Glibc

/// Runs one program to its end, on a thread of its own, in a session and process group of its own.
///
/// Whatever way it ends, every process of its group is killed before `run` returns. Cancellation of the Swift task stops it: SIGTERM to the group, then SIGKILL
/// after the grace time.
public enum ChildProcess {
    /// - Parameter line: takes each line of output, on the child's thread; it must not block.
    public static func run(
        _ command: ChildCommand, line: @escaping @Sendable (LogLine.Stream, String) -> Void = { _, _ in }
    ) async throws(ChildError) -> ChildResult {
        let bell = try CancelBell()
        let result = await withTaskCancellationHandler {
            await onOwnThread { () -> Result<ChildResult, ChildError> in
                do throws(ChildError) {
                    let child = try RunningChild(command, bell: bell, line: line)
                    return .success(child.wait())
                } catch {
                    return .failure(error)
                }
            }
        } onCancel: {
            bell.ring()
        }
        return try result.get()
    }
}

/// Wakes a child's thread when its task is cancelled.
final class CancelBell: Sendable {
    /// An eventfd: readable once the bell has rung.
    let descriptor: Int32

    init() throws(ChildError) {
        descriptor = csystem_eventfd()
        guard descriptor >= 0 else { throw ChildError("cannot make an eventfd", number: -descriptor) }
    }

    func ring() {
        var one: UInt64 = 1
        // It can only fail when it has rung 2^64 - 2 times already.
        _ = write(descriptor, &one, 8)
    }

    deinit { close(descriptor) }
}
