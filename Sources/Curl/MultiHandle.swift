import CCurl

/// libcurl's multi handle. Only the client's thread may use it; other threads may wake it.
struct MultiHandle: @unchecked Sendable {
  /// The `CURLM *`.
  let pointer: UnsafeMutableRawPointer

  /// Creates a handle with the connection limits of the configuration.
  init(_ configuration: HTTPClientConfiguration) {
    CurlLibrary.initialize()
    guard let pointer = ccurl_multi_init() else { preconditionFailure("out of memory") }
    self.pointer = pointer
    set(CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    set(CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maxConnectionsPerHost)
    set(CURLMOPT_MAXCONNECTS, configuration.maxIdleConnections)
  }

  private func set(_ option: CURLMoption, _ value: Int) {
    let code = ccurl_multi_setopt_long(pointer, option, value)
    precondition(code == CURLM_OK, "libcurl refused a multi option: \(String(cString: ccurl_multi_strerror(code)))")
  }
}
