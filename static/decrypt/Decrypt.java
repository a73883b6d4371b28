import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;

/**
 * java Decrypt.java [--base64] private.pem [older.pem ...] < values.txt
 *
 * One encrypted value a line in, its plain text a line out (with --base64 the base64 of its bytes). Each key is tried in
 * turn, so values from before and after a change of keys may be mixed. Java 11 or later, nothing to install.
 */
public class Decrypt {
    // "OAEPWithSHA-256AndMGF1Padding" alone would take SHA-1 for MGF1: both hashes are named.
    static final OAEPParameterSpec BOTH_SHA256 =
            new OAEPParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, PSource.PSpecified.DEFAULT);

    public static void main(String[] arguments) throws Exception {
        boolean inBase64 = arguments.length > 0 && arguments[0].equals("--base64");
        List<PrivateKey> keys = new ArrayList<>();
        for (int at = inBase64 ? 1 : 0; at < arguments.length; at++) keys.add(readKey(Path.of(arguments[at])));
        if (keys.isEmpty()) throw new IllegalArgumentException("Name the file of your private key.");
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            byte[] plain = open(keys, line);
            out.print((inBase64 ? Base64.getEncoder().encodeToString(plain) : new String(plain, StandardCharsets.UTF_8)) + "\n");
        }
        out.flush();
    }

    static PrivateKey readKey(Path path) throws Exception {
        String body = Files.readString(path).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(body)));
    }

    static byte[] open(List<PrivateKey> keys, String value) {
        for (PrivateKey key : keys) {
            try {
                return value.contains(".") ? openJwe(key, value) : openBlock(key, Base64.getDecoder().decode(value));
            } catch (GeneralSecurityException another) {
                // another key's value
            }
        }
        throw new IllegalArgumentException("A value opens with none of the keys.");
    }

    static byte[] openBlock(PrivateKey key, byte[] block) throws GeneralSecurityException {
        Cipher rsa = Cipher.getInstance("RSA/ECB/OAEPPadding");
        rsa.init(Cipher.DECRYPT_MODE, key, BOTH_SHA256);
        return rsa.doFinal(block);
    }

    // A long value is a JWE (RFC 7516): RSA-OAEP-256 around a key for A256GCM.
    static byte[] openJwe(PrivateKey key, String token) throws GeneralSecurityException {
        String[] part = token.split("\\.");
        Base64.Decoder url = Base64.getUrlDecoder();
        byte[] contentKey = openBlock(key, url.decode(part[1]));
        Cipher aes = Cipher.getInstance("AES/GCM/NoPadding");
        aes.init(Cipher.DECRYPT_MODE, new SecretKeySpec(contentKey, "AES"), new GCMParameterSpec(128, url.decode(part[2])));
        aes.updateAAD(part[0].getBytes(StandardCharsets.US_ASCII));
        byte[] sealed = url.decode(part[3]), tag = url.decode(part[4]), both = new byte[sealed.length + tag.length];
        System.arraycopy(sealed, 0, both, 0, sealed.length);
        System.arraycopy(tag, 0, both, sealed.length, tag.length);
        return aes.doFinal(both);
    }
}
