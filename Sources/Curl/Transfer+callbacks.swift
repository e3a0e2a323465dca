import CCurl
import Glibc

extension Transfer {
  /// Sets the callbacks. libcurl calls them on the client's thread only, while the loop retains the transfer.
  func setCallbacks() throws(HTTPError) {
    let this = Unmanaged.passUnretained(self).toOpaque()
    try set(CURLOPT_HEADERDATA, pointer: this)
    try set(CURLOPT_WRITEDATA, pointer: this)
    try check(
      ccurl_easy_setopt_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, _, count, this in
        guard let transfer = Transfer.from(this) else { return Int(CURL_WRITEFUNC_ERROR) }
        let line = UnsafeRawBufferPointer(start: bytes, count: count)
        return transfer.receiveHeader(line) ? count : Int(CURL_WRITEFUNC_ERROR)
      })
    try check(
      ccurl_easy_setopt_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, _, count, this in
        guard let transfer = Transfer.from(this) else { return Int(CURL_WRITEFUNC_ERROR) }
        return switch transfer.receiveBody(UnsafeRawBufferPointer(start: bytes, count: count)) {
        case .accepted: count
        case .full: Int(CURL_WRITEFUNC_PAUSE)
        case .ended: Int(CURL_WRITEFUNC_ERROR)
        }
      })
  }

  /// Has libcurl ask before it opens a connection. A kept connection was asked for when it was opened.
  func guardAddresses() throws(HTTPError) {
    try set(CURLOPT_OPENSOCKETDATA, pointer: Unmanaged.passUnretained(self).toOpaque())
    try check(
      ccurl_easy_setopt_opensocket(easy) { this, _, target in
        guard let transfer = Transfer.from(this), let target, let address = IPAddress(target),
          transfer.mayConnect(to: address)
        else { return CURL_SOCKET_BAD }
        return socket(
          target.pointee.family, target.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), target.pointee.protocol)
      })
  }

  /// Passes the next bytes of a body that is sent once to libcurl.
  static let giveBody: curl_read_callback = { buffer, _, count, this in
    guard let buffer, let transfer = Transfer.from(this), let piece = transfer.takeUnsent(count) else {
      return Int(CURL_READFUNC_ABORT)
    }
    UnsafeMutableRawBufferPointer(start: buffer, count: count).copyBytes(from: piece)
    return piece.count
  }

  private static func from(_ this: UnsafeMutableRawPointer?) -> Transfer? {
    this.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }
}
