<?php
// SimpleSAMLphp as an identity provider for tests: plain http on loopback, all state in the folder of this run.
$url = getenv('PEER_URL');
$folder = getenv('PEER_FOLDER');

$config = [
    'baseurlpath' => "$url/simplesaml/",
    'certdir' => "$folder/",
    'loggingdir' => "$folder/",
    'datadir' => "$folder/",
    'tempdir' => $folder,
    'metadatadir' => __DIR__ . '/metadata/',
    'attributenamemapdir' => getenv('PEER_ATTRIBUTE_MAPS'),
    'metadata.sources' => [['type' => 'flatfile']],
    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'exampleauth' => true, 'saml' => true],
    'authproc.idp' => [],
    'authproc.sp' => [],

    'secretsalt' => 'only-for-tests',
    'auth.adminpassword' => 'only-for-tests',
    'technicalcontact_email' => 'nobody@example.test',
    'timezone' => 'UTC',
    'production' => false,
    'showerrors' => true,
    'errorreporting' => false,
    'logging.handler' => 'file',
    'logging.level' => \SimpleSAML\Logger::INFO,
    'logging.logfile' => 'simplesamlphp.log',

    // Its defaults are for https and answer 500 on plain http.
    'store.type' => 'phpsession',
    'session.cookie.name' => 'PeerSession',
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'session.phpsession.cookiename' => 'PeerPhpSession',
    'session.phpsession.savepath' => $folder,
    'session.phpsession.httponly' => true,
    'session.authtoken.cookiename' => 'PeerAuthToken',
    'language.available' => ['en'],
    'language.default' => 'en',
    'language.cookie.secure' => false,
    'language.cookie.samesite' => null,
    'theme.use' => 'default',
    'usenewui' => false,
];
