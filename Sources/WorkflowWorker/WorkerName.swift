import Glibc

/// The name of a worker process: host, process and a random part, so that no two are the same.
enum WorkerName {
  static func make() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, buffer.count - 1)
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let host = String(decoding: bytes, as: UTF8.self).filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    return "\(host)-\(getpid())-\(random)"
  }
}
