import CCurl

/// libcurl as a whole.
enum CurlLibrary {
  private static let initialized: Void = {
    let code = curl_global_init(Int(CURL_GLOBAL_ALL))
    precondition(code == CURLE_OK, "libcurl cannot be initialized: \(String(cString: curl_easy_strerror(code)))")
  }()

  /// Whether requests may wait until it is known that a connection takes several of them.
  ///
  /// Where it turns out that it takes one at a time (HTTP/1.1), libcurl 7.88.1 then opens a connection for each at once; 8.14.1
  /// lets them wait until the first has its answer (https://github.com/LadybirdBrowser/ladybird/pull/10655 describes the same).
  static let wakesWaitingRequests = curl_version_info(CURLVERSION_FIRST).pointee.version_num < 0x08_00_00

  /// Does its work once, whichever thread comes first. It is never undone: lookups may still be running at exit.
  static func initialize() { initialized }
}
