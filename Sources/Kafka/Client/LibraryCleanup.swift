import CCrypto

/// What libraries do by themselves when the process exits.
public enum LibraryCleanup {
    /// Leaves out that OpenSSL frees what it has: clients that are still being closed use it on threads of librdkafka's, which would crash. Linux frees it all the
    /// same. For the first line of a program: it holds only where nothing has used OpenSSL before.
    public static func leaveOut() { _ = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil) }
}
