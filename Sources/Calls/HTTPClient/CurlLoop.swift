import CCurl
import Glibc
import Synchronization

/// One thread that drives all transfers of one client through a libcurl multi handle, so that no transfer blocks the shared thread pool.
final class CurlLoop: Sendable {
    private struct State {
        var incoming: [Transfer] = []
        /// Incoming and running.
        var count = 0
        var isStopping = false
    }

    /// Transfers that run or wait at most; more are refused.
    static let maximumTransfers = 512

    private let state = Mutex(State())
    /// Owned by the thread; others use it only for `curl_multi_wakeup`, which libcurl declares safe from any thread.
    private nonisolated(unsafe) let multi: UnsafeMutableRawPointer

    private static let libraryIsReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init() {
        precondition(Self.libraryIsReady, "libcurl cannot be initialised")
        guard let multi = curl_multi_init() else { preconditionFailure("libcurl has no memory for a multi handle") }
        self.multi = multi
        mesh_curl_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 128)
        mesh_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 16)
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let status = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                let loop = Unmanaged<CurlLoop>.fromOpaque(context).takeRetainedValue()
                loop.run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        precondition(status == 0, "the thread for HTTP transfers cannot be made: \(String(cString: strerror(status)))")
    }

    /// Runs a transfer to its end. Nil when there are too many. Cancelling the task ends the transfer within milliseconds.
    func run(_ transfer: Transfer) async -> Transfer.Result? {
        guard reserve() else { return nil }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.continuation = continuation
                state.withLock { $0.incoming.append(transfer) }
                curl_multi_wakeup(multi)
            }
        } onCancel: {
            transfer.isCancelled.store(true, ordering: .releasing)
            curl_multi_wakeup(multi)
        }
    }

    /// Ends the thread once the running transfers are done; called when the client goes away.
    func stop() {
        // Under the lock: the thread frees the handle once it has seen the flag.
        state.withLock { state in
            state.isStopping = true
            curl_multi_wakeup(multi)
        }
    }

    private func reserve() -> Bool {
        state.withLock { state in
            guard state.count < Self.maximumTransfers else { return false }
            state.count += 1
            return true
        }
    }

    private func run() {
        var running: [UnsafeMutableRawPointer: Transfer] = [:]
        while true {
            let (incoming, isStopping) = state.withLock { state in
                defer { state.incoming = [] }
                return (state.incoming, state.isStopping && state.count == 0)
            }
            if isStopping { break }
            for transfer in incoming {
                running[transfer.handle] = transfer
                let code = curl_multi_add_handle(multi, transfer.handle)
                if code != CURLM_OK { finish(transfer.handle, CURLE_FAILED_INIT, &running) }
            }
            for transfer in running.values where transfer.isCancelled.load(ordering: .acquiring) {
                finish(transfer.handle, CURLE_ABORTED_BY_CALLBACK, &running)
            }
            var active: Int32 = 0
            curl_multi_perform(multi, &active)
            var left: Int32 = 0
            while let message = curl_multi_info_read(multi, &left) {
                guard message.pointee.msg == CURLMSG_DONE, let handle = message.pointee.easy_handle else { continue }
                finish(handle, mesh_curl_message_result(message), &running)
            }
            var events: Int32 = 0
            curl_multi_poll(multi, nil, 0, 60_000, &events)
        }
        curl_multi_cleanup(multi)
    }

    private func finish(_ handle: UnsafeMutableRawPointer, _ code: CURLcode, _ running: inout [UnsafeMutableRawPointer: Transfer]) {
        guard let transfer = running.removeValue(forKey: handle) else { return }
        let result = transfer.result(code)
        curl_multi_remove_handle(multi, handle)
        state.withLock { $0.count -= 1 }
        let continuation = transfer.continuation
        transfer.continuation = nil
        continuation?.resume(returning: result)
    }
}
