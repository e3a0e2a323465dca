import CCurl

/// libcurl's multi handle. Only the client's thread may use it; other threads may wake it.
struct MultiHandle: @unchecked Sendable {
  /// The `CURLM *`.
  let pointer: UnsafeMutableRawPointer

  /// Creates a handle with the connection limits of the configuration.
  init(_ configuration: HTTPClientConfiguration) {
    CurlLibrary.initialize()
    guard let pointer = curl_multi_init() else { preconditionFailure("out of memory") }
    self.pointer = pointer
    set(CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    set(CURLMOPT_MAX_HOST_CONNECTIONS, configuration.maxConnectionsPerHost)
    set(CURLMOPT_MAXCONNECTS, configuration.maxIdleConnections)
  }

  private func set(_ option: CURLMoption, _ value: Int) {
    let code = ccurl_multi_setopt_long(pointer, option, value)
    precondition(code == CURLM_OK, "libcurl refused a multi option: \(String(cString: curl_multi_strerror(code)))")
  }
}

/// The global state of libcurl.
enum CurlLibrary {
  private static let initialized: Void = {
    let code = curl_global_init(Int(CURL_GLOBAL_ALL))
    precondition(code == CURLE_OK, "libcurl cannot be initialized: \(String(cString: curl_easy_strerror(code)))")
  }()

  /// Whether requests may wait until it is known that a connection supports several at a time.
  ///
  /// If it does not (HTTP/1.1), libcurl 7.88.1 then opens a connection for each of them; 8.14.1 lets them wait until
  /// the first has its response (https://github.com/LadybirdBrowser/ladybird/pull/10655 describes the same).
  static let wakesWaitingRequests = curl_version_info(CURLVERSION_FIRST).pointee.version_num < 0x08_00_00

  /// Initialises libcurl once. It is never undone: name lookups may still be running at exit.
  static func initialize() { initialized }
}
