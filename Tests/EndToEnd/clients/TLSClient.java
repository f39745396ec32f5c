// TLSClient: a gateway over TLS as Java sees it, by sockets and by its HTTP client.
//
//     java TLSClient.java PORT AUTHORITY CLIENT.p12
//
// Prints one `fact value` line for each thing it tried; the tests compare them. The password of the
// client's store is `test`.

import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public class TLSClient {
    static int port;
    static KeyStore authority;

    public static void main(String[] arguments) throws Exception {
        port = Integer.parseInt(arguments[0]);
        authority = KeyStore.getInstance("PKCS12");
        authority.load(null, null);
        try (var file = new FileInputStream(arguments[1])) {
            authority.setCertificateEntry(
                "ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        for (String label : List.of("1.2", "1.3")) {
            SSLContext context = context(null);
            SSLSession first = connect(context, "TLSv" + label, "localhost");
            // A resumed session has the time of the one it goes on with.
            Thread.sleep(20);
            SSLSession second = connect(context, "TLSv" + label, "localhost");
            System.out.println("version-" + label + " " + first.getProtocol());
            System.out.println(
                "resumed-" + label + " "
                + (first.getCreationTime() == second.getCreationTime()));
        }
        SSLSession side = connect(context(null), "TLSv1.3", "side.example");
        System.out.println("name " + name(side));
        KeyStore own = KeyStore.getInstance("PKCS12");
        try (var file = new FileInputStream(arguments[2])) {
            own.load(file, "test".toCharArray());
        }
        askWithClient(own);
        try {
            connect(SSLContext.getDefault(), "TLSv1.3", "localhost");
        } catch (SSLHandshakeException error) {
            System.out.println("untrusted refused");
        }
    }

    /** A context that trusts the authority, and shows what is in `own`. */
    static SSLContext context(KeyStore own) throws Exception {
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(authority);
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(own, own == null ? null : "test".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    /** One request on a socket of its own, with the same cache of sessions each time. */
    static SSLSession connect(SSLContext context, String version, String name) throws Exception {
        try (SSLSocket socket =
                (SSLSocket) context.getSocketFactory().createSocket("localhost", port)) {
            var parameters = socket.getSSLParameters();
            parameters.setProtocols(new String[] {version});
            parameters.setServerNames(List.of(new SNIHostName(name)));
            socket.setSSLParameters(parameters);
            socket.getOutputStream().write(
                ("GET /livez HTTP/1.1\r\nHost: " + name + "\r\nConnection: close\r\n\r\n")
                    .getBytes(StandardCharsets.US_ASCII));
            String answer =
                new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!answer.startsWith("HTTP/1.1 200 ")) throw new IllegalStateException(answer);
            return socket.getSession();
        }
    }

    static String name(SSLSession session) throws Exception {
        X509Certificate certificate = (X509Certificate) session.getPeerCertificates()[0];
        return certificate.getSubjectX500Principal().getName().replace("CN=", "");
    }

    /** The HTTP client offers HTTP/2 by ALPN, and by Upgrade where there is no TLS. */
    static void askWithClient(KeyStore own) throws Exception {
        HttpClient client = HttpClient.newBuilder().sslContext(context(own)).build();
        HttpRequest request = HttpRequest.newBuilder(
                URI.create("https://localhost:" + port + "/v1/modules/context/show")).build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println("alpn " + (answer.version() == HttpClient.Version.HTTP_1_1
            ? "http/1.1" : answer.version()));
        String body = answer.body();
        var subject = Pattern.compile("\"tls_subject\": *\"([^\"]*)\"").matcher(body);
        System.out.println("subject " + (subject.find() ? subject.group(1) : body));
    }
}
