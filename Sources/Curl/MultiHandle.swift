import CCurl

/// libcurl's multi handle. Only the client's thread may use it.
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

  /// Has libcurl say which sockets it waits for, and how long; the functions get the data.
  func setCallbacks(
    _ watch: @escaping curl_socket_callback, _ wait: @escaping curl_multi_timer_callback,
    _ data: UnsafeMutableRawPointer
  ) {
    let code = ccurl_multi_set_callbacks(pointer, watch, wait, data)
    precondition(code == CURLM_OK, "libcurl refused its callbacks: \(String(cString: ccurl_multi_strerror(code)))")
  }

  /// Has libcurl work on a socket that is ready; on what is due by its time where the socket is CURL_SOCKET_TIMEOUT.
  /// - Parameter bits: what the socket is ready for; 0 has libcurl look itself.
  func act(on socket: Int32, _ bits: Int32) {
    var running: Int32 = 0
    // What fails is a transfer, which then ends with its own error.
    ccurl_multi_socket_action(pointer, socket, bits, &running)
  }

  /// Milliseconds until libcurl wants to be called although no socket is ready; -1 for never.
  var timeout: Int {
    var milliseconds = -1
    ccurl_multi_timeout(pointer, &milliseconds)
    return milliseconds
  }

  private func set(_ option: CURLMoption, _ value: Int) {
    let code = ccurl_multi_setopt_long(pointer, option, value)
    precondition(code == CURLM_OK, "libcurl refused a multi option: \(String(cString: ccurl_multi_strerror(code)))")
  }
}
