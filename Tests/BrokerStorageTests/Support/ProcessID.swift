import Glibc

enum ProcessID {
    static var own: Int32 { getpid() }
}
