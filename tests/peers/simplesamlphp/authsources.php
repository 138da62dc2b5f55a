<?php
$config = ['people' => ['exampleauth:UserPass']];

foreach (json_decode(file_get_contents(__DIR__ . '/../people.json'), true) as $name => $person) {
    $password = $person['password'];
    unset($person['password']);
    $attributes = array_map(fn ($value) => (array) $value, $person);
    $config['people']["$name:$password"] = ['uid' => [$name]] + $attributes;
}
