import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateRevokedException;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509CRLEntry;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What Java's own security libraries read in our files. One command a line on the standard input, words separated by
 * tabs; one answer a line: what was read, or the error's class and message. One start of the machine serves them all.
 */
public final class OutsideReader {
    private static final CertificateFactory X509 = factory();

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String answer;
            try {
                answer = answer(line.split("\t"));
            } catch (Exception error) {
                answer = error.getClass().getSimpleName() + ": " + error.getMessage();
            }
            out.println(answer.replace('\n', ' '));
        }
    }

    private static String answer(String[] words) throws Exception {
        switch (words[0]) {
            case "certificate":
                return describe(certificate(words[1]));
            case "path": // leaf, issuing, root
                return validate(words, null, null);
            case "crl": // list, issuing
                return describe(crl(words[1]), certificate(words[2]));
            case "path-crl": // leaf, issuing, root, list
                return validate(words, checker(Set.of(PKIXRevocationChecker.Option.PREFER_CRLS)), crl(words[4]));
            case "path-ocsp": { // leaf, issuing, root, address
                PKIXRevocationChecker checker = checker(Set.of());
                checker.setOcspResponder(new URI(words[4]));
                return validate(words, checker, null);
            }
            case "path-stapled": { // leaf, issuing, root, answer
                PKIXRevocationChecker checker = checker(Set.of());
                checker.setOcspResponses(Map.of(certificate(words[1]), Files.readAllBytes(Path.of(words[4]))));
                checker.setOcspResponder(new URI("http://127.0.0.1:9/"));
                return validate(words, checker, null);
            }
            case "pkcs7":
                return serials(X509.generateCertificates(open(words[1])));
            case "pkcs12": // file, password
                return describe(keyStore(words[1], words[2]), words[2]);
            case "keytool": // its own arguments
                return keytool(List.of(words).subList(1, words.length));
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    private static String describe(X509Certificate certificate) throws Exception {
        StringBuilder usages = new StringBuilder();
        for (boolean usage : certificate.getKeyUsage()) {
            usages.append(usage ? '1' : '0');
        }
        List<String> purposes = certificate.getExtendedKeyUsage();
        Set<String> names = new TreeSet<>();
        if (certificate.getSubjectAlternativeNames() != null) {
            for (List<?> name : certificate.getSubjectAlternativeNames()) {
                names.add(name.get(0) + "=" + (name.get(1) instanceof String ? name.get(1) : "der"));
            }
        }
        return String.join("|", hex(certificate.getSerialNumber()),
            String.valueOf(certificate.getNotBefore().getTime() / 1000),
            String.valueOf(certificate.getNotAfter().getTime() / 1000),
            usages, purposes == null ? "" : String.join(",", new TreeSet<>(purposes)),
            String.valueOf(certificate.getBasicConstraints()), String.join(",", names),
            String.join(",", new TreeSet<>(certificate.getCriticalExtensionOIDs())),
            certificate.getSubjectX500Principal().getName("RFC2253"));
    }

    private static String describe(X509CRL crl, X509Certificate issuer) throws Exception {
        crl.verify(issuer.getPublicKey());
        Set<String> entries = new TreeSet<>();
        if (crl.getRevokedCertificates() != null) {
            for (X509CRLEntry entry : crl.getRevokedCertificates()) {
                String reason = String.valueOf(entry.getRevocationReason());
                entries.add(hex(entry.getSerialNumber()) + "=" + reason + "@" + entry.getRevocationDate().getTime() / 1000);
            }
        }
        Set<String> critical = crl.getCriticalExtensionOIDs();
        return String.join("|", integer(crl, "2.5.29.20"), integer(crl, "2.5.29.27"),
            String.valueOf(crl.getThisUpdate().getTime() / 1000), String.valueOf(crl.getNextUpdate().getTime() / 1000),
            critical == null ? "" : String.join(",", new TreeSet<>(critical)), String.join(",", entries));
    }

    /** The number in an extension of a list: INTEGER in OCTET STRING. */
    private static String integer(X509CRL crl, String oid) {
        byte[] value = crl.getExtensionValue(oid);
        return value == null ? "" : new BigInteger(java.util.Arrays.copyOfRange(value, 4, value.length)).toString();
    }

    private static String validate(String[] words, PKIXRevocationChecker checker, X509CRL crl) throws Exception {
        CertPath path = X509.generateCertPath(List.of(certificate(words[1]), certificate(words[2])));
        PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(certificate(words[3]), null)));
        parameters.setRevocationEnabled(false);
        if (crl != null) {
            parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(List.of(crl))));
        }
        if (checker != null) {
            parameters.addCertPathChecker(checker);
        }
        try {
            CertPathValidator.getInstance("PKIX").validate(path, parameters);
            return "good";
        } catch (CertPathValidatorException error) {
            if (error.getCause() instanceof CertificateRevokedException) {
                CertificateRevokedException revoked = (CertificateRevokedException) error.getCause();
                return "revoked " + revoked.getRevocationReason() + " " + revoked.getRevocationDate().getTime() / 1000;
            }
            return error.getReason() + ": " + error.getMessage();
        }
    }

    private static PKIXRevocationChecker checker(Set<PKIXRevocationChecker.Option> more) throws Exception {
        PKIXRevocationChecker checker =
            (PKIXRevocationChecker) CertPathValidator.getInstance("PKIX").getRevocationChecker();
        Set<PKIXRevocationChecker.Option> options = EnumSet.of(
            PKIXRevocationChecker.Option.ONLY_END_ENTITY, PKIXRevocationChecker.Option.NO_FALLBACK);
        options.addAll(more);
        checker.setOptions(options);
        return checker;
    }

    private static String describe(KeyStore store, String password) throws Exception {
        String alias = store.aliases().nextElement();
        Certificate[] chain = store.getCertificateChain(alias);
        PrivateKey key = (PrivateKey) store.getKey(alias, password.toCharArray());
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initSign(key);
        signature.update(new byte[] {1, 2, 3});
        byte[] signed = signature.sign();
        signature.initVerify(chain[0]);
        signature.update(new byte[] {1, 2, 3});
        return store.size() + "|" + alias + "|" + signature.verify(signed) + "|" + serials(List.of(chain));
    }

    private static KeyStore keyStore(String file, String password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = open(file)) {
            store.load(in, password.toCharArray());
        }
        return store;
    }

    /** The tool itself: it ends the machine when it fails, after it has said why. */
    private static String keytool(List<String> arguments) throws Exception {
        PrintStream former = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            sun.security.tools.keytool.Main.main(arguments.toArray(new String[0]));
        } finally {
            System.setOut(former);
        }
        return said.toString(StandardCharsets.UTF_8);
    }

    private static String serials(Iterable<? extends Certificate> certificates) {
        List<String> serials = new ArrayList<>();
        for (Certificate certificate : certificates) {
            serials.add(hex(((X509Certificate) certificate).getSerialNumber()));
        }
        return String.join(",", serials);
    }

    private static String hex(BigInteger number) {
        return number.toString(16);
    }

    private static X509Certificate certificate(String file) throws Exception {
        return (X509Certificate) X509.generateCertificate(open(file));
    }

    private static X509CRL crl(String file) throws Exception {
        return (X509CRL) X509.generateCRL(open(file));
    }

    private static InputStream open(String file) throws Exception {
        return new ByteArrayInputStream(Files.readAllBytes(Path.of(file)));
    }

    private static CertificateFactory factory() {
        try {
            return CertificateFactory.getInstance("X.509");
        } catch (java.security.cert.CertificateException error) {
            throw new IllegalStateException(error);
        }
    }
}
