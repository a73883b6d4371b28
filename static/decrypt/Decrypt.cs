// dotnet run -- [--base64] private.pem [older.pem ...] < values.txt
//
// One encrypted value a line in, its plain text a line out (with --base64 the base64 of its bytes). Each key is tried
// in turn, so values from before and after a change of keys may be mixed. .NET 8 or later, nothing to install: put this
// file in place of Program.cs in what `dotnet new console` makes.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

static class Decrypt
{
    static int Main(string[] arguments)
    {
        bool inBase64 = arguments.Length > 0 && arguments[0] == "--base64";
        List<RSA> keys = arguments.Skip(inBase64 ? 1 : 0).Select(ReadKey).ToList();
        if (keys.Count == 0)
        {
            Console.Error.WriteLine("Name the file of your private key.");
            return 1;
        }
        using Stream output = Console.OpenStandardOutput();
        using StreamReader lines = new StreamReader(Console.OpenStandardInput(), Encoding.ASCII);
        for (string? line = lines.ReadLine(); line != null; line = lines.ReadLine())
        {
            byte[] plain = Open(keys, line);
            output.Write(inBase64 ? Encoding.ASCII.GetBytes(Convert.ToBase64String(plain)) : plain);
            output.WriteByte((byte)'\n');
        }
        return 0;
    }

    static RSA ReadKey(string path)
    {
        RSA key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(path));
        return key;
    }

    static byte[] Open(List<RSA> keys, string value)
    {
        foreach (RSA key in keys)
        {
            try
            {
                return value.Contains('.') ? OpenJwe(key, value) : OpenBlock(key, Convert.FromBase64String(value));
            }
            catch (CryptographicException)
            {
                // another key's value
            }
        }
        throw new InvalidDataException("A value opens with none of the keys.");
    }

    // RSAES-OAEP: OaepSHA256 stands for SHA-256 as the hash and in MGF1, with an empty label.
    static byte[] OpenBlock(RSA key, byte[] block) => key.Decrypt(block, RSAEncryptionPadding.OaepSHA256);

    // A long value is a JWE (RFC 7516): RSA-OAEP-256 around a key for A256GCM.
    static byte[] OpenJwe(RSA key, string token)
    {
        string[] part = token.Split('.');
        byte[] sealedText = FromBase64Url(part[3]);
        byte[] plain = new byte[sealedText.Length];
        using AesGcm aes = new AesGcm(OpenBlock(key, FromBase64Url(part[1])), 16);
        aes.Decrypt(FromBase64Url(part[2]), sealedText, FromBase64Url(part[4]), plain, Encoding.ASCII.GetBytes(part[0]));
        return plain;
    }

    static byte[] FromBase64Url(string text)
    {
        string standard = text.Replace('-', '+').Replace('_', '/');
        return Convert.FromBase64String(standard.PadRight((standard.Length + 3) / 4 * 4, '='));
    }
}
