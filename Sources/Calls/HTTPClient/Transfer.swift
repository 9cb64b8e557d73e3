import CCurl
import Glibc
import Synchronization

/// One transfer: a libcurl handle with everything that it points to.
///
/// `@unchecked Sendable`: made by one task, handed over by `CurlLoop.start` (whose lock orders the memory), and from then on touched only by the
/// loop's thread, until the continuation is resumed, which is the last thing that the thread does with it. `isCancelled` alone is shared, and atomic.
final class Transfer: @unchecked Sendable {
    struct Result: Sendable {
        var code: CURLcode
        var status: Int
        var headers: [HTTPHeader]
        var body: [UInt8]
        var duration: Duration
        /// The absolute URL that a 3xx points to.
        var redirect: String?
        var detail: String
        var addressWasRefused: Bool
        var bodyWasTooLarge: Bool
    }

    let handle: UnsafeMutableRawPointer
    let isCancelled = Atomic<Bool>(false)
    var continuation: CheckedContinuation<Result, Never>?

    private let allowsPrivateAddresses: Bool
    private let maximumResponseBytes: Int
    private var upload: [UInt8]
    private var uploaded = 0
    private var headers: [HTTPHeader] = []
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var bodyWasTooLarge = false
    private var addressWasRefused = false
    private var acceptedAddress = false
    private var lists: [UnsafeMutablePointer<curl_slist>] = []
    private let errorText: UnsafeMutablePointer<CChar>

    private static let maximumHeaderBytes = 256 << 10

    /// Nil when libcurl has no memory.
    init?(upload: [UInt8], maximumResponseBytes: Int, allowsPrivateAddresses: Bool) {
        guard let handle = curl_easy_init() else { return nil }
        self.handle = handle
        self.upload = upload
        self.maximumResponseBytes = maximumResponseBytes
        self.allowsPrivateAddresses = allowsPrivateAddresses
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        let context = Unmanaged.passUnretained(self).toOpaque()
        mesh_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText)
        mesh_curl_set_pointer(handle, CURLOPT_PRIVATE, context)
        mesh_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        mesh_curl_set_long(handle, CURLOPT_NOPROGRESS, 1)
        mesh_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0)
        // A proxy would resolve names for us, past the address policy.
        mesh_curl_set_string(handle, CURLOPT_PROXY, "")
        mesh_curl_set_data_function(handle, CURLOPT_WRITEFUNCTION) { data, size, count, context in
            Transfer.from(context).receive(data, size * count)
        }
        mesh_curl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        mesh_curl_set_data_function(handle, CURLOPT_HEADERFUNCTION) { data, size, count, context in
            Transfer.from(context).receiveHeader(data, size * count)
        }
        mesh_curl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        mesh_curl_set_data_function(handle, CURLOPT_READFUNCTION) { data, size, count, context in
            Transfer.from(context).supply(data, size * count)
        }
        mesh_curl_set_pointer(handle, CURLOPT_READDATA, context)
        mesh_curl_set_socket_function(handle, CURLOPT_OPENSOCKETFUNCTION) { context, _, address in
            guard let address else { return CURL_SOCKET_BAD }
            return Transfer.from(context).openSocket(address)
        }
        mesh_curl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, context)
    }

    deinit {
        curl_easy_cleanup(handle)
        for list in lists { curl_slist_free_all(list) }
        errorText.deallocate()
    }

    func set(_ option: CURLoption, _ value: String) { mesh_curl_set_string(handle, option, value) }
    func set(_ option: CURLoption, _ value: Int) { mesh_curl_set_long(handle, option, value) }
    func setSize(_ option: CURLoption, _ value: Int) { mesh_curl_set_size(handle, option, curl_off_t(value)) }

    /// Sets an option that takes a list of texts.
    func set(_ option: CURLoption, _ values: [String]) {
        var list: UnsafeMutablePointer<curl_slist>?
        for value in values { list = curl_slist_append(list, value) ?? list }
        guard let list else { return }
        lists.append(list)
        mesh_curl_set_list(handle, option, list)
    }

    /// What came of it. Loop's thread.
    func result(_ code: CURLcode) -> Result {
        var status = 0
        var microseconds: curl_off_t = 0
        var redirect: UnsafeMutablePointer<CChar>?
        mesh_curl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        mesh_curl_get_size(handle, CURLINFO_TOTAL_TIME_T, &microseconds)
        mesh_curl_get_string(handle, CURLINFO_REDIRECT_URL, &redirect)
        return Result(
            code: code, status: status, headers: headers, body: body, duration: .microseconds(Int64(microseconds)),
            redirect: redirect.map { String(cString: $0) }, detail: String(cString: errorText),
            addressWasRefused: addressWasRefused && !acceptedAddress, bodyWasTooLarge: bodyWasTooLarge)
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> Transfer {
        guard let context else { preconditionFailure("libcurl called back without its context") }
        return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }

    private func receive(_ data: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        guard let data else { return 0 }
        guard body.count + count <= maximumResponseBytes else {
            bodyWasTooLarge = true
            return 0
        }
        body.append(contentsOf: UnsafeRawBufferPointer(start: data, count: count))
        return count
    }

    private func receiveHeader(_ data: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
        guard let data else { return 0 }
        headerBytes += count
        guard headerBytes <= Self.maximumHeaderBytes else {
            bodyWasTooLarge = true
            return 0
        }
        let line = UnsafeRawBufferPointer(start: data, count: count)
        // A status line begins a new answer: what came before was an interim one (1xx).
        if line.starts(with: "HTTP/".utf8) {
            headers = []
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
            headers.append(HTTPHeader(String(decoding: line[..<colon], as: UTF8.self).lowercased(), value.trimmingSpace))
        }
        return count
    }

    private func supply(_ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int) -> Int {
        guard let buffer else { return 0 }
        let count = min(capacity, upload.count - uploaded)
        upload.withUnsafeBytes { bytes in
            UnsafeMutableRawPointer(buffer).copyMemory(
                from: bytes.baseAddress.map { $0 + uploaded } ?? UnsafeRawPointer(buffer), byteCount: count)
        }
        uploaded += count
        return count
    }

    private func openSocket(_ address: UnsafeMutablePointer<curl_sockaddr>) -> curl_socket_t {
        guard allowsPrivateAddresses || AddressPolicy.isPublic(Self.bytes(of: address)) else {
            addressWasRefused = true
            return CURL_SOCKET_BAD
        }
        acceptedAddress = true
        return socket(address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.`protocol`)
    }

    /// The network address in network order; empty for a family that is not IP.
    private static func bytes(of address: UnsafeMutablePointer<curl_sockaddr>) -> [UInt8] {
        guard let start = mesh_curl_address(address) else { return [] }
        switch address.pointee.family {
        case AF_INET:
            return start.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin_addr) { Array($0) }
            }
        case AF_INET6:
            return start.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { Array($0) }
            }
        default: return []
        }
    }
}

extension String {
    /// Without spaces, tabs and line ends on both sides.
    var trimmingSpace: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\n" || $0 == "\r\n" }
        return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }
}
